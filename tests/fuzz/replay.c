/* SPDX-License-Identifier: MIT */
/*
 * replay.c - a fuzz target is fed files: what once was interesting, again
 *
 *     TARGET FILE...
 */
#include "fuzz.h"

int main(int count, char **words)
{
    for (int i = 1; i < count; i++) {
        static uint8_t data[1 << 20];
        FILE *file = fopen(words[i], "rb");
        size_t size;
        void *exact;

        FUZZ_EXPECT(file != NULL, "a file cannot be opened");
        size = fread(data, 1, sizeof data, file);
        fclose(file);
        exact = fuzz_exact(data, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    printf("%d inputs\n", count - 1);
    return 0;
}
