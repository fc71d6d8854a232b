/* SPDX-License-Identifier: MIT */
/*
 * launch.c - run a program and say what it cost
 *
 *     launch REPORT LIBRARY PROGRAM [WORD...]
 *
 * Runs PROGRAM with LIBRARY before the C library (`-`: none) and writes to the
 * file REPORT
 *
 *     STATUS CPU_SECONDS WALL_SECONDS MAX_RESIDENT_BYTES
 *
 * CPU time is the program's and all its children's, user and system; resident
 * is the largest of any one of them. This program is small on purpose: the
 * kernel counts what a process held before it became PROGRAM, too. Huge pages
 * are off, as in `replay`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count, char **words)
{
    int status;
    struct rusage usage;

    if (count < 4) {
        fprintf(stderr, "usage: launch REPORT LIBRARY PROGRAM [WORD...]\n");
        return 2;
    }
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);

    double began = now();
    pid_t child = fork();

    if (child == 0) {
        if (strcmp(words[2], "-") != 0)
            setenv("LD_PRELOAD", words[2], 1);
        execvp(words[3], words + 3);
        fprintf(stderr, "%s: %s\n", words[3], strerror(errno));
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        fprintf(stderr, "launch: %s\n", strerror(errno));
        return 2;
    }

    double wall = now() - began;
    FILE *report = fopen(words[1], "w");

    if (report == NULL) {
        fprintf(stderr, "%s: %s\n", words[1], strerror(errno));
        return 2;
    }
    fprintf(report, "%d %.6f %.6f %ld\n",
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            seconds(usage.ru_utime) + seconds(usage.ru_stime), wall,
            usage.ru_maxrss * 1024);
    fclose(report);
    return 0;
}
