/* SPDX-License-Identifier: MIT */
/*
 * files.c - the texts that the shell shows, found beside the program
 *
 * A kernel gets them as boot modules; a process looks in the source tree that
 * it was built in: in $HEAPGLASS_ROOT, in the folder that it was started in,
 * and up to three folders above the program.
 */
#define _DEFAULT_SOURCE

#include "shell/home.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, FOLDERS_UP = 3 };

/* Adds the file PATH to *TEXT of *SIZE bytes. */
static bool file_append(const char *path, char **text, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *larger;
    long length = -1;

    if (file == NULL)
        return false;
    if (fseek(file, 0, SEEK_END) == 0)
        length = ftell(file);
    rewind(file);
    larger = length < 0 ? NULL : realloc(*text, *size + (size_t)length + 1);
    if (larger != NULL) {
        *text = larger;
        *size += fread(larger + *size, 1, (size_t)length, file);
        larger[*size] = '\0';
    }
    fclose(file);
    return larger != NULL;
}

/* All files that match PATTERN under FOLDER, in the order of their names. */
static char *files_read(const char *folder, const char *pattern, size_t *size)
{
    char path[PATH_SIZE];
    char *text = NULL;
    glob_t found;

    *size = 0;
    snprintf(path, sizeof path, "%s/%s", folder, pattern);
    if (glob(path, 0, NULL, &found) != 0)
        return NULL;
    for (size_t i = 0; i < found.gl_pathc; i++)
        file_append(found.gl_pathv[i], &text, size);
    globfree(&found);
    return text;
}

const char *home_file(const char *name, size_t *size)
{
    const char *root = getenv("HEAPGLASS_ROOT");
    const char *pattern = strcmp(name, "lessons.md") == 0
                              ? "docs/lessons/[0-9][0-9]-*.md" : name;
    char program[PATH_SIZE];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    char *text;

    if (root != NULL)
        return files_read(root, pattern, size);
    text = files_read(".", pattern, size);
    program[length > 0 ? length : 0] = '\0';
    for (int up = 0; text == NULL && up <= FOLDERS_UP; up++) {
        char *slash = strrchr(program, '/');

        if (slash == NULL)
            break;
        *slash = '\0';
        text = files_read(program, pattern, size);
    }
    return text;
}
