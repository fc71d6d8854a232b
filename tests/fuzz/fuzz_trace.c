/* SPDX-License-Identifier: MIT */
/*
 * fuzz_trace.c - any bytes as a recording of a program
 *
 * sources: src/lab/[a-z]*.c src/mm/[a-z]*.c src/trace/[a-z]*.c
 * sources: src/kernel/memmap.c
 */
#include "fuzz.h"
#include "stop.h"

#include "lab/recording.h"

enum { IDS = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t room = recording_lines((const char *)data, size);
    struct recording recording = { 0 };
    uint32_t live[IDS];
    struct recording_fault fault;

    FUZZ_EXPECT(room <= size + 1, "more lines than bytes");
    recording.steps = malloc((size_t)(room + 1) * sizeof *recording.steps);
    FUZZ_EXPECT(recording.steps != NULL, "out of memory");
    fault = recording_read(&recording, (const char *)data, size, live, IDS);
    if (fault.sentence == NULL) {
        FUZZ_EXPECT(recording.count <= room, "more steps than lines");
        for (uint32_t i = 0; i < recording.count; i++)
            FUZZ_EXPECT(recording.steps[i].id < IDS &&
                        recording.steps[i].size <= RECORDING_SIZE_MAX,
                        "a step beyond the limits");
        recording_scale(&recording, 1 + (uint32_t)size % 7, live);
    }
    free(recording.steps);
    return 0;
}
