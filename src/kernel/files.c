/* SPDX-License-Identifier: MIT */
/*
 * files.c - the texts that came along as boot modules
 *
 * A module is a file that the loader put somewhere in memory; the memory map
 * keeps everybody else away from it. It is mapped, read-only, when somebody
 * first asks for it, and stays where it is.
 */
#include "files.h"

#include "shell/home.h"
#include "shell/print.h"

enum { FILES_MAX = BOOT_MODULES_MAX };

static const struct boot_info *info;
static const void *mapped[FILES_MAX];   /* where module i is seen, or NULL */

void files_init(const struct boot *boot)
{
    info = boot->info;
}

/* Whether NAME is a word of WORDS, with or without a path before it: loaders
 * differ in what they call a module. */
static bool is_called(const char *words, const char *name)
{
    while (*words != '\0') {
        size_t length = 0;

        if (text_starts_with(words, name)) {
            length = text_length(name);
            if (words[length] == '\0' || words[length] == ' ')
                return true;
        }
        while (*words != '\0' && *words != ' ' && *words != '/')
            words++;
        while (*words == ' ' || *words == '/')
            words++;
    }
    return false;
}

const char *home_file(const char *name, size_t *size)
{
    for (uint32_t i = 0; info != NULL && i < info->module_count; i++) {
        const struct boot_module *module = &info->modules[i];

        if (!is_called(module->name, name) || module->end == module->start)
            continue;
        if (mapped[i] == NULL)
            mapped[i] = boot_module_bytes(module);
        *size = (size_t)(module->end - module->start);
        return mapped[i];
    }
    return NULL;
}

/* Where the last part of the path in NAME begins, up to a blank or its end,
 * *LENGTH characters. */
static const char *last_part(const char *name, size_t *length)
{
    const char *start = name;

    for (*length = 0; start[*length] != '\0' && start[*length] != ' ';) {
        if (start[(*length)++] == '/') {
            start += *length;
            *length = 0;
        }
    }
    return start;
}

const char *home_file_name(unsigned index)
{
    static char name[BOOT_MODULE_NAME_SIZE];

    for (uint32_t i = 0; info != NULL && i < info->module_count; i++) {
        size_t length;
        const char *start = last_part(info->modules[i].name, &length);

        if (length <= 4 || !text_starts_with(start + length - 4, ".rep")
                || index-- > 0)
            continue;
        print_text(name, sizeof(name), "%.*s", (int)length, start);
        return name;
    }
    return NULL;
}
