/* SPDX-License-Identifier: MIT */
/*
 * cmd_lesson.c - lesson, next, answer, done, handin: the course in the shell
 *
 * Theory of operation
 * -------------------
 * `lesson 6` shows the first page of chapter 6, `next` the page after it. A
 * page that is an exercise makes a new lab, types what the exercise starts
 * with, and from then on looks at the lab after every command:
 *
 *      lesson 6.2 --> lab made anew --> command --> is all true that is
 *                                         ^  |      wanted? --yes--> solved
 *                                         |  no
 *                                         +--+  `done`: a wrong try, and why
 *
 * A question is answered with `answer`, which is right or a wrong try.
 *
 * What is judged is the lab, never what was typed. But the commands that led
 * there are kept, so that `handin` can print them, and tools/grade can type
 * them again elsewhere and come to its own judgement.
 */

#include "command.h"
#include "course.h"
#include "home.h"

enum {
    TEXT_WIDTH = 76,            /* of a row of a chapter's text */
    SENTENCE_SIZE = 1024,       /* of an exercise's text, filled in */
};

/* ---- the course of a session -------------------------------------------- */

/* The session's course; made at the first use. NULL, after a refusal, when
 * there is no text or no memory for it. */
static struct course *course_of(struct session *session)
{
    struct course *course = session->course;
    size_t size;
    const char *text;

    if (course != NULL)
        return course;
    text = home_file("lessons.md", &size);
    if (text == NULL) {
        refuse(session, "there are no lessons here: the disc that 'make iso' "
                        "builds has them, and so has the folder docs/lessons "
                        "for a process that is started beside it");
        return NULL;
    }
    course = home_memory(sizeof(*course));
    if (course == NULL) {
        refuse(session, "there is no memory for the lessons: 'reset' to a "
                        "smaller arena first");
        return NULL;
    }
    course->book = (struct slice){ text, size };
    course->seed = 1;
    session->course = course;
    return course;
}

/* Finds chapter NUMBER of the book, and its INDEX; refuses if there is none. */
static bool chapter_find(struct session *session, unsigned number,
                         struct slice *chapter, unsigned *index)
{
    struct course *course = session->course;
    unsigned here, last = 0;

    for (unsigned i = 0; lesson_chapter(course->book, i, chapter); i++) {
        if (!lesson_number(*chapter, &here))
            continue;
        if (here == number) {
            *index = i;
            return true;
        }
        last = here;
    }
    return refuse(session, "there is no lesson %u: they go from 0 to %u",
                  number, last);
}

/* What is known of an exercise; a new record if nothing is. */
static struct course_record *record_of(struct course *course,
                                       unsigned chapter, unsigned exercise)
{
    struct course_record *record = course->records;
    size_t i;

    for (i = 0; i < course->record_count; i++, record++) {
        if (record->chapter == chapter && record->exercise == exercise)
            return record;
    }
    if (i == COURSE_EXERCISES)
        return NULL;
    course->record_count++;
    *record = (struct course_record){ .chapter = (uint16_t)chapter,
                                      .exercise = (uint16_t)exercise };
    return record;
}

/* ---- showing text ------------------------------------------------------- */

/* Rows of TEXT_WIDTH columns that are filled word by word. */
struct filler {
    struct session *session;
    int column, indent;
    bool code;                  /* between two back quotes */
    size_t length;              /* of the word that is being collected */
    char word[TEXT_WIDTH + 1];
};

static void fill_word(struct filler *filler)
{
    if (filler->length == 0)
        return;
    if (filler->column > filler->indent) {
        if (filler->column + 1 + (int)filler->length > TEXT_WIDTH) {
            say(filler->session, "\n");
            filler->column = 0;
        } else {
            say(filler->session, " ");
            filler->column++;
        }
    }
    if (filler->column == 0) {
        say(filler->session, "%*s", filler->indent, "");
        filler->column = filler->indent;
    }
    filler->word[filler->length] = '\0';
    say(filler->session, "%s", filler->word);
    filler->column += (int)filler->length;
    filler->length = 0;
}

/* Ends a paragraph. */
static void fill_end(struct filler *filler)
{
    fill_word(filler);
    if (filler->column > 0)
        say(filler->session, "\n");
    filler->column = 0;
}

/* Whether the bracket at I begins a link, [text](where). */
static bool is_link(struct slice text, size_t i)
{
    while (i < text.size && text.text[i] != ']')
        i++;
    return i + 1 < text.size && text.text[i + 1] == '(';
}

/* Adds a piece of Markdown: stars go, and of a link its text stays; what
 * stands in back quotes stays as it is. */
static void fill_text(struct filler *filler, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.text[i];

        filler->code = filler->code != (c == '`');
        if (c == '*' && !filler->code) {
            continue;
        } else if (c == '[' && !filler->code && is_link(text, i)) {
            continue;
        } else if (c == ']' && !filler->code && i + 1 < text.size
                   && text.text[i + 1] == '(') {
            while (i < text.size && text.text[i] != ')')
                i++;
        } else if (c == ' ' || c == '\n') {
            fill_word(filler);
        } else {
            if (filler->length == TEXT_WIDTH)
                fill_word(filler);
            filler->word[filler->length++] = c;
        }
    }
    fill_word(filler);
}

/* A row as it is, in pieces that a row of output can hold. */
static void show_as_it_is(struct session *session, struct slice line)
{
    char piece[TEXT_WIDTH + 1];

    while (line.size > 0) {
        size_t length = 0;

        while (length < line.size && length < TEXT_WIDTH) {
            piece[length] = line.text[length];
            length++;
        }
        piece[length] = '\0';
        say(session, "%s", piece);
        line.text += length;
        line.size -= length;
    }
    say(session, "\n");
}

/* One line of a page outside a fence. */
static void show_line(struct filler *filler, struct slice line)
{
    struct session *session = filler->session;
    bool item = slice_starts_with(line, "- ")
                || (line.size > 2 && line.text[0] >= '0'
                    && line.text[0] <= '9' && line.text[1] == '.');

    if (line.size > 0 && line.text[0] == '#') {
        fill_end(filler);
        while (line.size > 0 && (*line.text == '#' || *line.text == ' ')) {
            line.text++;
            line.size--;
        }
        say(session, "%s", colour(session, COLOUR_NAME));
        fill_text(filler, line);
        fill_end(filler);
        say(session, "%s", colour(session, COLOUR_NONE));
    } else if (line.size == 0) {
        if (filler->column > 0)
            fill_end(filler);
        say(session, "\n");
        filler->indent = 0;
    } else if (line.text[0] == '|') {
        fill_end(filler);
        show_as_it_is(session, line);
    } else if (item) {
        int mark = line.text[0] == '-' ? 1 : 2;

        fill_end(filler);
        say(session, "%.*s ", mark, line.text);
        filler->indent = filler->column = mark + 1;
        fill_text(filler, (struct slice){ line.text + mark,
                                          line.size - (size_t)mark });
    } else {
        fill_text(filler, line);
    }
}

static void show_page(struct session *session, struct slice page)
{
    struct filler filler = { .session = session };
    struct slice line;
    bool fenced = false, typed = false;

    while (slice_line(&page, &line)) {
        if (slice_starts_with(line, "```")) {
            fill_end(&filler);
            fenced = !fenced;
            typed = line.size > 3;      /* pictures have a margin already */
        } else if (fenced) {
            say(session, "%s", typed ? "  " : "");
            show_as_it_is(session, line);
        } else {
            show_line(&filler, line);
        }
    }
    fill_end(&filler);
}

/* A sentence of the exercise that is worked at, with its numbers. */
static void show_sentence(struct session *session, const char *before,
                          struct slice text)
{
    struct filler filler = { .session = session };
    char sentence[SENTENCE_SIZE];

    if (!numbers_fill_in(&session->course->numbers, text, sentence,
                         sizeof(sentence))) {
        refuse(session, "this exercise's text makes no sense: please tell "
                        "its author");
        return;
    }
    fill_text(&filler, (struct slice){ before, text_length(before) });
    fill_text(&filler, (struct slice){ sentence, text_length(sentence) });
    fill_end(&filler);
}

/* ---- working at an exercise --------------------------------------------- */

void type_quietly(struct session *session, char *line)
{
    struct output output = session->output;
    bool failed = session->failed;

    if (session->course != NULL)
        session->course->setting_up = true;
    session->output.silent = true;
    session_run_line(session, line);
    if (session->course != NULL)
        session->course->setting_up = false;
    output.stopped = session->output.stopped;
    session->output = output;
    session->failed = failed;
    session->refused = false;
}

/* Begins exercise NUMBER (from 1 on) of the chapter that is read: makes a
 * lab, types what it starts with, says what is to be done. */
static void exercise_begin(struct session *session, struct slice goal,
                           unsigned chapter, unsigned number)
{
    struct course *course = session->course;
    struct lab_setup setup = lab_default;
    struct slice field;
    char line[SENTENCE_SIZE];

    course->working = false;
    course->goal = goal;
    course->record = record_of(course, chapter, number);
    course->attempt_length = 0;
    course->attempt_lost = false;
    course->numbers.fact = lab_fact;
    course->numbers.fact_of = lab_fact_of;
    course->numbers.context = session;
    if (course->record == NULL
            || !numbers_draw(&course->numbers, goal, course->seed,
                             chapter * 32 + number)) {
        refuse(session, "exercise %u.%u makes no sense: please tell its "
                        "author", chapter, number);
        return;
    }
    if (!session_reset(session, &setup))
        return;
    say(session, "%sExercise %u.%u%s, seed %llu%s\n",
        colour(session, COLOUR_NAME), chapter, number,
        colour(session, COLOUR_NONE), (wide)course->seed,
        course->record->solved ? " (solved before)" : "");
    if (goal_field(goal, "ask", 0, &field))
        show_sentence(session, "", field);
    if (goal_field(goal, "start", 0, &field)) {
        show_sentence(session, "In a new lab this was typed for you:", field);
        if (numbers_fill_in(&course->numbers, field, line, sizeof(line)))
            type_quietly(session, line);
    } else {
        say(session, "The lab is new.\n");
    }
    say(session, goal_field(goal, "answer", 0, &field)
                     ? "(answer NUMBER says what you found.)\n"
                     : "(Type commands. done asks what is still wrong.)\n");
    course->working = true;
}

/* The first `want` of the exercise that is not true, with its sentence in
 * *SENTENCE; false if all are true. */
static bool want_unmet(struct session *session, struct slice *sentence)
{
    struct course *course = session->course;
    struct slice want;
    unsigned i;

    for (i = 0; goal_field(course->goal, "want", i, &want); i++) {
        int64_t value;

        if (!numbers_value(&course->numbers, want, &value, sentence)) {
            refuse(session, "what exercise %u.%u wants makes no sense: please "
                            "tell its author", course->record->chapter,
                   course->record->exercise);
            course->working = false;
            return true;
        }
        if (value == 0)
            return true;
    }
    if (i == 0)                         /* a question: only `answer` helps */
        *sentence = (struct slice){ 0 };
    return i == 0;
}

/* Keeps the commands of the exercise that was just solved. */
static void solution_keep(struct course *course)
{
    struct course_record *record = course->record;
    size_t room = SOLUTIONS_SIZE - course->solutions_length;

    record->at = (uint32_t)course->solutions_length;
    record->size = 0;
    if (course->attempt_lost || course->attempt_length > room)
        return;
    for (size_t i = 0; i < course->attempt_length; i++)
        course->solutions[record->at + i] = course->attempt[i];
    record->size = (uint32_t)course->attempt_length;
    course->solutions_length += course->attempt_length;
}

static void exercise_solved(struct session *session)
{
    struct course *course = session->course;
    struct course_record *record = course->record;

    course->working = false;
    say(session, "%sRight: exercise %u.%u is solved", colour(session,
        COLOUR_FREE), record->chapter, record->exercise);
    if (record->wrong == 0)
        say(session, ", at the first try");
    say(session, ".%s%s\n", colour(session, COLOUR_NONE),
        course->reading ? " (next goes on.)" : "");
    if (record->solved)
        return;
    record->solved = true;
    solution_keep(course);
    if (course->attempt_lost)
        say(session, "It took too many commands to be handed in: solve it "
                     "once more with fewer (lesson %u.%u reset).\n",
            record->chapter, record->exercise);
}

/* A wrong try: says WHY, and the hint. */
static void exercise_wrong(struct session *session, struct slice why)
{
    struct course *course = session->course;
    struct slice hint;

    if (!course->working)
        return;
    course->record->wrong += course->record->wrong < 1000;
    session->refused = true;
    if (why.size > 0)
        show_sentence(session, "Not yet:", why);
    else
        say(session, "That is not it.\n");
    if (goal_field(course->goal, "hint", 0, &hint))
        show_sentence(session, "Hint:", hint);
}

/* ---- every command ------------------------------------------------------ */

static bool is_about_lessons(const char *name)
{
    return text_equal(name, "lesson") || text_equal(name, "next")
           || text_equal(name, "done") || text_equal(name, "handin")
           || text_equal(name, "help");
}

static void attempt_add(struct course *course, const char *text)
{
    size_t length = text_length(text);

    if (course->attempt_length + length > ATTEMPT_SIZE) {
        course->attempt_lost = true;
        return;
    }
    for (size_t i = 0; i < length; i++)
        course->attempt[course->attempt_length++] = text[i];
}

void course_note(struct session *session, const struct words *words)
{
    struct course *course = session->course;

    if (course == NULL || !course->working || course->setting_up
            || words->count == 0 || is_about_lessons(words->word[0]))
        return;
    if (course->attempt_length > 0)
        attempt_add(course, "; ");
    for (int i = 0; i < words->count; i++) {
        attempt_add(course, i == 0 ? "" : " ");
        attempt_add(course, words->word[i]);
    }
}

void course_judge(struct session *session)
{
    struct course *course = session->course;
    struct slice sentence;

    if (course == NULL || !course->working || course->setting_up
            || session->machine == NULL || session->lab == NULL
            || session->machine != lab_machine(session->lab))
        return;
    if (course->attempt_length > 0 && !want_unmet(session, &sentence))
        exercise_solved(session);
}

/* ---- lesson ------------------------------------------------------------- */

/* Shows the page that is next, and begins its exercise if it is one. */
static void show_next(struct session *session)
{
    struct course *course = session->course;
    struct slice chapter, page;
    unsigned number = 0, exercise = 0;
    bool is_goal = false;

    course->working = false;
    if (!lesson_chapter(course->book, course->chapter, &chapter))
        return;
    lesson_number(chapter, &number);
    for (unsigned i = 0; i <= course->page; i++) {
        if (!lesson_page(chapter, i, &page, &is_goal)) {
            course->reading = false;
            say(session, "That was lesson %u.", number);
            if (lesson_chapter(course->book, ++course->chapter, &chapter)
                    && lesson_number(chapter, &number))
                say(session, " The next one: lesson %u", number);
            say(session, "\n");
            return;
        }
        exercise += is_goal;
    }
    course->page++;
    if (is_goal) {
        exercise_begin(session, page, number, exercise);
        return;
    }
    show_page(session, page);
    say(session, "%s(next goes on.)%s\n", colour(session, COLOUR_FAINT),
        colour(session, COLOUR_NONE));
}

static void show_all(struct session *session, struct slice chapter,
                     unsigned number)
{
    struct slice page, ask;
    unsigned exercise = 0;
    bool is_goal;

    for (unsigned i = 0; lesson_page(chapter, i, &page, &is_goal); i++) {
        if (!is_goal) {
            show_page(session, page);
        } else if (goal_field(page, "ask", 0, &ask)) {
            struct course *course = session->course;

            numbers_draw(&course->numbers, page, course->seed,
                         number * 32 + ++exercise);
            say(session, "Exercise %u.%u: lesson %u.%u begins it\n", number,
                exercise, number, exercise);
            show_sentence(session, "", ask);
            say(session, "\n");
        }
        if (session->output.muted)
            return;
    }
}

static void show_list(struct session *session)
{
    struct course *course = session->course;
    struct slice chapter, goal;
    unsigned number, all = 0, all_solved = 0;

    for (unsigned i = 0; lesson_chapter(course->book, i, &chapter); i++) {
        struct slice title = lesson_title(chapter);
        unsigned count = 0, solved = 0;

        if (!lesson_number(chapter, &number))
            continue;
        while (lesson_goal(chapter, count, &goal)) {
            const struct course_record *record =
                record_of(course, number, ++count);

            solved += record != NULL && record->solved;
        }
        say(session, "%3u  %u of %u  %.*s\n", number, solved, count,
            (int)title.size, title.text);
        all += count;
        all_solved += solved;
    }
    say(session, "%u of %u exercises solved, seed %llu. lesson 0 shows the "
                 "first page of lesson 0.\n", all_solved, all,
        (wide)course->seed);
}

/* Reads "6" or "6.2" into *CHAPTER and *EXERCISE, 0 for none. */
static bool parse_lesson(const char *word, unsigned *chapter,
                         unsigned *exercise)
{
    unsigned *number = chapter;
    unsigned digits = 0;

    *chapter = *exercise = 0;
    for (; *word != '\0'; word++) {
        if (*word == '.' && number == chapter && digits > 0) {
            number = exercise;
            digits = 0;
        } else if (*word >= '0' && *word <= '9' && digits < 3) {
            *number = *number * 10 + (unsigned)(*word - '0');
            digits++;
        } else {
            return false;
        }
    }
    return digits > 0;
}

static void lesson_forget(struct session *session, unsigned chapter,
                          unsigned exercise)
{
    struct course *course = session->course;

    course->working = false;
    for (size_t i = 0; i < course->record_count; i++) {
        struct course_record *record = &course->records[i];

        if (record->chapter == chapter
                && (exercise == 0 || record->exercise == exercise)) {
            record->solved = false;
            record->wrong = 0;
        }
    }
    if (exercise == 0)
        say(session, "Lesson %u starts over: lesson %u\n", chapter, chapter);
    else
        say(session, "Exercise %u.%u starts over: lesson %u.%u\n", chapter,
            exercise, chapter, exercise);
}

/* `lesson 6.2 numbers`: what the seed made of the exercise. */
static void lesson_numbers(struct session *session, struct slice goal,
                           uint32_t key)
{
    struct numbers *numbers = &session->course->numbers;

    session->course->working = false;
    numbers_draw(numbers, goal, session->course->seed, key);
    for (unsigned i = 0; i < numbers->count; i++) {
        struct slice name = numbers->number[i].name;

        say(session, "%.*s = %lld\n", (int)name.size, name.text,
            (long long)numbers->number[i].value);
    }
}

static void lesson_seed(struct session *session, const struct words *words)
{
    struct course *course = session->course;
    uint64_t seed;

    if (words->count != 3
            || parse_number(words->word[2], &seed) != PARSE_OK) {
        refuse(session, "lesson seed takes a number, the one that your "
                        "teacher gave you: lesson seed 42");
        return;
    }
    if (seed != course->seed) {
        course->seed = seed;
        course->record_count = 0;       /* they were other exercises */
        course->solutions_length = 0;
        course->working = false;
    }
    say(session, "The numbers in the exercises come from seed %llu.\n",
        (wide)seed);
}

void cmd_lesson(struct session *session, const struct words *words)
{
    struct course *course = course_of(session);
    const char *what = words->count > 2 ? words->word[2] : "";
    unsigned number, exercise, index = 0;
    struct slice chapter, goal;

    if (course == NULL)
        return;
    if (words->count == 1) {
        show_list(session);
        return;
    }
    if (text_equal(words->word[1], "seed")) {
        lesson_seed(session, words);
        return;
    }
    if (words->count > 3 || !parse_lesson(words->word[1], &number, &exercise)) {
        refuse(session, "lesson takes a lesson's number, or an exercise's: "
                        "lesson 6, lesson 6.2, lesson 6 reset, lesson 6 all");
        return;
    }
    if (!chapter_find(session, number, &chapter, &index))
        return;
    if (exercise > 0 && !lesson_goal(chapter, exercise - 1, &goal)) {
        refuse(session, "lesson %u has no exercise %u: lesson lists how many "
                        "there are", number, exercise);
        return;
    }
    if (text_equal(what, "reset")) {
        lesson_forget(session, number, exercise);
    } else if (text_equal(what, "all")) {
        show_all(session, chapter, number);
    } else if (text_equal(what, "numbers") && exercise > 0) {
        lesson_numbers(session, goal, number * 32 + exercise);
    } else if (*what != '\0') {
        refuse(session, "behind the number lesson takes reset or all: "
                        "lesson %u reset", number);
    } else {
        bool is_goal;
        unsigned seen = 0;

        course->chapter = index;
        course->page = 0;
        course->reading = true;
        while (seen < exercise
               && lesson_page(chapter, course->page, &goal, &is_goal)) {
            seen += is_goal;
            course->page += seen < exercise;
        }
        show_next(session);
    }
}

void cmd_next(struct session *session, const struct words *words)
{
    (void)words;
    if (course_of(session) == NULL)
        return;
    if (!session->course->reading)
        refuse(session, "no lesson is being read: lesson lists them, lesson 0 "
                        "begins the first");
    else
        show_next(session);
}

/* ---- done, answer ------------------------------------------------------- */

static bool is_working(struct session *session, const char *who)
{
    if (course_of(session) == NULL)
        return false;
    if (!session->course->working)
        return refuse(session, "there is no exercise to be %s: lesson 6.1 "
                               "begins one", who);
    return true;
}

void cmd_done(struct session *session, const struct words *words)
{
    struct slice sentence = { 0 };

    (void)words;
    if (!is_working(session, "done"))
        return;
    if (session->machine != lab_machine(session->lab))
        refuse(session, "exercises are about the lab: use lab first");
    else if (!want_unmet(session, &sentence))
        exercise_solved(session);
    else
        exercise_wrong(session, sentence);
}

void cmd_answer(struct session *session, const struct words *words)
{
    struct course *course;
    struct slice answer;
    uint64_t given;
    int64_t right;

    if (!is_working(session, "answered"))
        return;
    course = session->course;
    if (!goal_field(course->goal, "answer", 0, &answer)) {
        refuse(session, "this exercise asks for a heap, not for a number: "
                        "'done' says what is still wrong with it");
        return;
    }
    if (words->count != 2
            || parse_offset(words->word[1], &given) != PARSE_OK) {
        refuse(session, "answer takes a number, or an offset: answer 80, "
                        "answer +0x2d0");
        return;
    }
    if (!numbers_value(&course->numbers, answer, &right, NULL)) {
        refuse(session, "the answer to exercise %u.%u makes no sense: please "
                        "tell its author", course->record->chapter,
               course->record->exercise);
        return;
    }
    if (given == (uint64_t)right)
        exercise_solved(session);
    else
        exercise_wrong(session, (struct slice){ 0 });
}

/* ---- handin ------------------------------------------------------------- */

/* FNV-1a, 64 bits. */
static uint64_t hash_add(uint64_t hash, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Every solved exercise, with the commands that solved it, in the order in
 * which they were first tried, and a number by which tools/grade sees that
 * nothing was changed on the way. */
void cmd_handin(struct session *session, const struct words *words)
{
    struct course *course = course_of(session);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    char text[64];
    unsigned solved = 0;

    if (course == NULL)
        return;
    if (words->count < 2) {
        refuse(session, "handin takes your name: handin ada lovelace");
        return;
    }
    say(session, "heapglass hand-in 1\nname:");
    for (int i = 1; i < words->count; i++)
        say(session, " %s", words->word[i]);
    print_text(text, sizeof(text), "seed: %llu\n", (wide)course->seed);
    hash = hash_add(hash, text, text_length(text));
    say(session, "\n%s", text);
    for (size_t i = 0; i < course->record_count; i++) {
        const struct course_record *record = &course->records[i];
        struct slice typed = { course->solutions + record->at,
                               record->size };

        if (!record->solved || record->size == 0)
            continue;
        print_text(text, sizeof(text), "%u.%u: ", record->chapter,
                   record->exercise);
        hash = hash_add(hash, text, text_length(text));
        hash = hash_add(hash, typed.text, typed.size);
        say(session, "%s", text);
        show_as_it_is(session, typed);
        solved++;
    }
    say(session, "solved: %u\ncheck: %08x%08x\n", solved,
        (unsigned)(hash >> 32), (unsigned)hash);
}
