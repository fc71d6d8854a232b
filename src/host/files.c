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

/* Recordings are unpacked here (make TRACES=...). */
static const char traces[] = "build/traces/";

static bool is_recording(const char *name)
{
    size_t length = strlen(name);

    return length > 4 && strcmp(name + length - 4, ".rep") == 0;
}

/* The folder in which build/traces is: $HEAPGLASS_ROOT, this one, or the one
 * that the program was built in. */
static const char *traces_root(void)
{
    static char root[PATH_SIZE];
    ssize_t length;

    if (getenv("HEAPGLASS_ROOT") != NULL)
        return getenv("HEAPGLASS_ROOT");
    if (access(traces, R_OK) == 0)
        return ".";
    length = readlink("/proc/self/exe", root, sizeof root - 1);
    root[length > 0 ? length : 0] = '\0';
    for (int up = 0; up < FOLDERS_UP; up++) {
        char *slash = strrchr(root, '/');

        if (slash != NULL)
            *slash = '\0';
    }
    return root;
}

const char *home_file_name(unsigned index)
{
    static char name[PATH_SIZE];
    char pattern[2 * PATH_SIZE];
    glob_t found;
    bool there;

    snprintf(pattern, sizeof pattern, "%s/%s*.rep", traces_root(), traces);
    if (glob(pattern, 0, NULL, &found) != 0)
        return NULL;
    there = index < found.gl_pathc;
    if (there)
        snprintf(name, sizeof name, "%s",
                 strrchr(found.gl_pathv[index], '/') + 1);
    globfree(&found);
    return there ? name : NULL;
}

/* One text for each recording, which stays: they are asked for often. */
static const char *recording_read_once(const char *name, size_t *size)
{
    enum { KEPT = 64 };
    static struct { char *name, *text; size_t size; } kept[KEPT];
    char path[PATH_SIZE];
    int i;

    for (i = 0; i < KEPT && kept[i].name != NULL; i++) {
        if (strcmp(kept[i].name, name) == 0) {
            *size = kept[i].size;
            return kept[i].text;
        }
    }
    snprintf(path, sizeof path, "%s%s", traces, name);
    char *text = files_read(traces_root(), path, size);

    if (text != NULL && i < KEPT) {
        kept[i].name = strdup(name);
        kept[i].text = text;
        kept[i].size = *size;
    }
    return text;
}

const char *home_file(const char *name, size_t *size)
{
    if (is_recording(name))
        return recording_read_once(name, size);

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
