/* SPDX-License-Identifier: MIT */
/*
 * resume.c - a hand-in that is pasted at the prompt is solved again
 *
 * A kernel without a disc forgets what was solved when it ends. But `handin`
 * prints all there is to know about it (cmd_lesson.c), and whoever kept that
 * pastes it into the next machine:
 *
 *     heapglass hand-in 1          from here on lines are taken
 *     name: ada lovelace           said for the teacher
 *     seed: 42                     lesson seed 42
 *     6.1: free a; free b          lesson 6.1, the commands, done
 *     solved: 1
 *     check: e1b8f25bbe681f95      up to here
 *
 * Nothing is believed: the commands run, and the lab decides. A terminal may
 * have broken a long line in two, so an exercise runs when the next field
 * comes.
 */
#include "course.h"
#include "parse.h"
#include "print.h"
#include "session.h"

/* Runs LINE, a line like any other, whose answers nobody wants to see. */
static void run_silently(struct session *session, char *line)
{
    bool failed = session->failed, silent = session->output.silent;

    if (session->course != NULL)
        session->course->pasting = false;
    session->output.silent = true;
    session_run_line(session, line);
    session->output.silent = silent;
    session->failed = failed;
    if (session->course != NULL)
        session->course->pasting = true;
}

/* Solves the exercise that was collected, if there is one. */
static void resume_solve(struct session *session)
{
    struct course *course = session->course;
    char begin[] = "lesson                ", done[] = "done";
    size_t i = 0;

    if (course->pasted_length == 0)
        return;
    course->pasted[course->pasted_length] = '\0';
    course->pasted_length = 0;
    for (; course->pasted[i] != ':' && i < sizeof(begin) - 8; i++)
        begin[7 + i] = course->pasted[i];
    run_silently(session, begin);
    run_silently(session, &course->pasted[i + 1]);
    if (course->working)
        run_silently(session, done);
    begin[7 + i] = '\0';
    if (course->working)
        say(session, "%s is not solved by what stands there.\n", &begin[7]);
    else
        say(session, "%s is solved.\n", &begin[7]);
    course->working = false;
}

/* Adds TEXT to the exercise that is being collected. What does not fit was
 * not printed by `handin`. */
static void resume_collect(struct course *course, const char *text)
{
    for (; *text != '\0' && course->pasted_length < PASTED_SIZE - 1; text++)
        course->pasted[course->pasted_length++] = *text;
}

/* Whether LINE begins like "6.1:". */
static bool is_exercise(const char *line)
{
    const char *start = line;

    while ((*line >= '0' && *line <= '9') || (*line == '.' && line > start))
        line++;
    return line > start && *line == ':';
}

bool course_resume(struct session *session, char *line)
{
    static const char seed[] = "seed: ";
    struct course *course = session->course;

    if (text_starts_with(line, "heapglass hand-in ")) {
        char lessons[] = "lesson seed 1";

        run_silently(session, lessons);
        if (session->course != NULL)
            session->course->pasted_length = 0;
        return session->course != NULL;
    }
    if (course == NULL || !course->pasting)
        return false;
    if (text_starts_with(line, seed)) {
        char again[64];

        print_text(again, sizeof(again), "lesson seed %s",
                   line + sizeof(seed) - 1);
        run_silently(session, again);
    } else if (is_exercise(line)) {
        resume_solve(session);
        resume_collect(course, line);
    } else if (text_starts_with(line, "solved: ")) {
        resume_solve(session);
    } else if (text_starts_with(line, "check: ")) {
        resume_solve(session);
        course->pasting = false;
        say(session, "That was the hand-in: 'lesson' lists what is left.\n");
    } else if (course->pasted_length > 0) {
        resume_collect(course, " ");
        resume_collect(course, line);
    } else if (line[0] != '\0' && !text_starts_with(line, "name:")) {
        course->pasting = false;
        return false;
    }
    return true;
}
