/* SPDX-License-Identifier: MIT */
/*
 * cmd_predict.c - predict, quiz: say first what will happen
 *
 * With `predict on` an operation on the lab waits: the shell asks where the
 * block will be, from which list it comes, whether it is split, or which case
 * a free is. The next line that is typed is the answer. The right answers are
 * found by doing the operation in a copy of the lab beside it (past.h), so the
 * lab knows nothing of them. Then the operation is done.
 *
 * With a seed one question is drawn for each operation, the same wherever the
 * seed is the same. `quiz SEED N` thinks of the operations, too.
 */

#include "command.h"
#include "explain.h"
#include "past.h"

enum question {
    ASK_WHERE,
    ASK_LIST,
    ASK_SPLIT,
    ASK_CASE,
    QUESTIONS,
};

static const char *const question_text[QUESTIONS] = {
    [ASK_WHERE] = "At which offset will it be? (such as +0x2b0; ? passes)",
    [ASK_LIST] = "From which free list will it come? (a size that belongs on "
                 "it, such as 32; ? passes)",
    [ASK_SPLIT] = "Will that block be split? (yes or no; ? passes)",
    [ASK_CASE] = "With which free neighbours will it be joined? (none, right, "
                 "left or both; ? passes)",
};

/* What will happen: found in the lab beside. */
struct outcome {
    bool refused;
    uint64_t at;                /* of the payload */
    uint64_t from;              /* bytes of the free block that was taken */
    bool split, is_block;
    unsigned join;              /* 1: right, 2: left */
};

/* ---- finding out -------------------------------------------------------------- */

/* Listens to the lab beside. */
static void outcome_hear(void *context, const struct mm_event *event)
{
    struct outcome *outcome = context;

    switch (event->kind) {
    case MM_EVENT_SPLIT:
        if (!outcome->split)
            outcome->from = event->size + event->other;
        outcome->split = true;
        break;
    case MM_EVENT_TAKE:
        outcome->is_block = event->use == MM_USE_CALLER;
        if (!outcome->split)
            outcome->from = event->size;
        break;
    case MM_EVENT_RELEASE:
        outcome->at = event->at;
        outcome->is_block = event->use == MM_USE_CALLER;
        break;
    case MM_EVENT_COALESCE:
        outcome->join |= event->at < outcome->at ? 2 : 1;
        break;
    default:
        break;
    }
}

/* Runs the command WORDS in the lab beside, without a word. False: it would do
 * nothing that can be asked about. */
static bool outcome_find(struct session *session, const struct words *words,
                         struct outcome *outcome)
{
    struct lab *lab = past_beside(session);
    struct heap_request request = { .kind = HEAP_ANY };
    struct machine *machine;
    uint32_t letter;
    uint64_t at;
    void *payload;

    *outcome = (struct outcome){ .refused = false };
    if (lab == NULL || words->count < 2)
        return false;
    lab_copy(lab, session->lab);
    machine = lab_machine(lab);
    machine->listener = outcome_hear;
    machine->listener_context = outcome;
    if (text_equal(words->word[0], "alloc") && words->count == 2
            && parse_number(words->word[1], &request.size) == PARSE_OK) {
        payload = heap_alloc_request(machine->heap, &request);
        outcome->refused = payload == NULL;
        outcome->at = payload == NULL ? 0 : heap_at(machine->heap, payload);
    } else if (text_equal(words->word[0], "free") && words->count == 2) {
        if (parse_letters(words->word[1], &letter) == PARSE_OK) {
            const struct ledger_entry *entry =
                ledger_find_letter(machine->ledger, letter);

            at = entry == NULL ? 0 : entry->at;
        } else if (parse_offset(words->word[1], &at) != PARSE_OK) {
            at = 0;
        }
        outcome->refused = at == 0 || at >= machine->arena_bytes
            || heap_free(machine->heap, heap_address(machine->heap, at))
                   != MM_OK;
    } else {
        outcome->refused = true;
    }
    machine->listener = NULL;
    return !outcome->refused && outcome->is_block;
}

/* ---- asking ------------------------------------------------------------------- */

/* xorshift, 64 bits: the same everywhere. */
static uint64_t draw(struct past_quiz *quiz)
{
    quiz->seed ^= quiz->seed << 13;
    quiz->seed ^= quiz->seed >> 7;
    quiz->seed ^= quiz->seed << 17;
    return quiz->seed >> 11;
}

static void ask(struct session *session)
{
    struct past_quiz *quiz = &session->past->quiz;

    while ((quiz->questions >> quiz->question & 1) == 0)
        quiz->question++;
    say(session, "%s\n", question_text[quiz->question]);
}

bool predict_before(struct session *session, const struct words *words)
{
    struct past_quiz *quiz = &session->past->quiz;
    struct outcome outcome;
    bool is_alloc;
    size_t length = 0;

    if (!quiz->on || session->machine == session->kernel
            || !outcome_find(session, words, &outcome))
        return true;
    is_alloc = text_equal(words->word[0], "alloc");
    quiz->questions = is_alloc ? 1 << ASK_WHERE | 1 << ASK_LIST
                                     | 1 << ASK_SPLIT
                               : 1 << ASK_CASE;
    if (quiz->seed != 0 && is_alloc)
        quiz->questions = 1u << draw(quiz) % ASK_CASE;
    if (session->setup.policy != NULL && session->setup.policy->one_list
            && is_alloc) {              /* there is no choice of lists */
        quiz->questions &= ~(1u << ASK_LIST);
        if (quiz->questions == 0)
            quiz->questions = 1 << ASK_WHERE;
    }
    quiz->question = 0;
    for (int i = 0; i < words->count && length < LINE_SIZE; i++)
        length += print_text(quiz->command + length, LINE_SIZE - length,
                             "%s%s", i == 0 ? "" : " ", words->word[i]);
    say(session, "Before '%s':\n", quiz->command);
    ask(session);
    return false;
}

/* ---- answers ------------------------------------------------------------------- */

/* The right answer to QUESTION, in words. */
static const char *answer_text(struct short_text *text,
                               enum question question,
                               const struct outcome *outcome)
{
    static const char *const joins[] = { "none", "right", "left", "both" };

    switch (question) {
    case ASK_WHERE:
        print_text(text->text, sizeof(text->text), "+0x%llx",
                   (wide)outcome->at);
        return text->text;
    case ASK_LIST:
        return list_sizes(text,
                          class_of((uint32_t)(outcome->from / MM_QUANTUM)));
    case ASK_SPLIT:
        return outcome->split ? "yes" : "no";
    default:
        return joins[outcome->join];
    }
}

/* Whether WORD is the right answer. */
static bool is_right(const char *word, enum question question,
                     const struct outcome *outcome)
{
    struct short_text text;
    uint64_t number;

    if (question == ASK_WHERE)
        return parse_offset(word, &number) == PARSE_OK
               && number == outcome->at;
    if (question == ASK_LIST)
        return parse_number(word, &number) == PARSE_OK
               && number >= MM_QUANTUM && number <= SPAN_MAX_BYTES
               && class_of((uint32_t)(number / MM_QUANTUM))
                      == class_of((uint32_t)(outcome->from / MM_QUANTUM));
    if (question == ASK_SPLIT && (text_equal(word, "y")
                                  || text_equal(word, "n")))
        return (word[0] == 'y') == outcome->split;
    return text_equal(word, answer_text(&text, question, outcome));
}

static void score_show(struct session *session)
{
    struct past_quiz *quiz = &session->past->quiz;

    say(session, "%u of %u right.\n", quiz->right, quiz->asked);
}

/* Runs the command that has waited. */
static void run_waiting(struct session *session)
{
    struct past_quiz *quiz = &session->past->quiz;
    char line[LINE_SIZE];
    bool on = quiz->on;

    print_text(line, sizeof(line), "%s", quiz->command);
    quiz->command[0] = '\0';
    quiz->on = false;
    session_run_line(session, line);
    quiz->on = on;
}

/* ---- the quiz ------------------------------------------------------------------- */

/* Thinks of the next operation, and asks about it. */
static void quiz_next(struct session *session)
{
    static const uint16_t sizes[] = { 8, 12, 13, 24, 28, 40, 60, 100, 108,
                                      200, 300, 500, 1000 };
    struct past_quiz *quiz = &session->past->quiz;
    const struct ledger *ledger = session->machine->ledger;
    const struct ledger_entry *entry;
    char line[32], *at;
    struct words words;
    struct short_text letters;
    uint64_t skip;

    while (quiz->left > 0) {
        quiz->left--;
        if (ledger->count > 2 && draw(quiz) % 2 == 0) {
            skip = draw(quiz) % ledger->count;
            entry = ledger_first(ledger);
            while (skip-- > 0)
                entry = ledger_next(ledger, entry);
            print_text(line, sizeof(line), "free %s",
                       print_letters(&letters, entry->letter));
        } else {
            print_text(line, sizeof(line), "alloc %u",
                       sizes[draw(quiz) % (sizeof(sizes)
                                           / sizeof(sizes[0]))]);
        }
        at = line;
        parse_words(&at, &words);
        quiz->on = true;
        if (!predict_before(session, &words))
            return;                     /* it was asked */
        print_text(quiz->command, LINE_SIZE, "%s %s", words.word[0],
                   words.word[1]);
        run_waiting(session);
    }
    quiz->on = quiz->asked_by_quiz = false;
    say(session, "The quiz is over: ");
    score_show(session);
}

bool past_answer(struct session *session, const char *line)
{
    struct past_quiz *quiz = session->past == NULL ? NULL
                                                   : &session->past->quiz;
    char text[LINE_SIZE], *at = text;
    struct words waiting, answer;
    struct outcome outcome;
    struct short_text right;
    char command[LINE_SIZE], *command_at = command;
    const char *word;

    if (quiz == NULL || quiz->command[0] == '\0'
            || session->output.silent)
        return false;
    print_text(text, sizeof(text), "%s", line);
    if (!parse_words(&at, &answer) || answer.count == 0)
        word = "?";
    else if (command_find(answer.word[0]) != NULL) {
        say(session, "The question about '%s' is dropped.\n", quiz->command);
        quiz->command[0] = '\0';
        if (quiz->asked_by_quiz)
            quiz->on = quiz->asked_by_quiz = false;
        quiz->left = 0;
        return false;
    } else {
        word = answer.word[0];
    }
    print_text(command, sizeof(command), "%s", quiz->command);
    parse_words(&command_at, &waiting);
    outcome_find(session, &waiting, &outcome);
    session->output.muted = false;
    quiz->asked++;
    if (is_right(word, quiz->question, &outcome)) {
        quiz->right++;
        say(session, "Right.\n");
    } else {
        say(session, "%s: %s.\n", word[0] == '?' ? "It will be so" : "No",
            answer_text(&right, quiz->question, &outcome));
    }
    quiz->questions &= ~(1u << quiz->question);
    if (quiz->questions != 0) {
        ask(session);
        return true;
    }
    run_waiting(session);
    score_show(session);
    if (quiz->asked_by_quiz)
        quiz_next(session);
    return true;
}

/* ---- the commands ---------------------------------------------------------------- */

void cmd_predict(struct session *session, const struct words *words)
{
    struct past_quiz *quiz;
    bool on = false;
    uint64_t seed = 0;

    if (!past_is_there(session, "predict"))
        return;
    quiz = &session->past->quiz;
    if (words->count == 1) {
        say(session, "predict is %s; ", quiz->on ? "on" : "off");
        score_show(session);
        return;
    }
    if (words->count > 3 || parse_switch(words->word[1], &on) != PARSE_OK
            || (words->count == 3
                && (!on || parse_number(words->word[2], &seed) != PARSE_OK
                    || seed == 0))) {
        refuse(session, "predict is on or off: predict on; with a seed, "
                        "predict on 7, one question is drawn an operation");
        return;
    }
    if (on && !quiz->on)
        quiz->asked = quiz->right = 0;
    quiz->on = on;
    quiz->seed = seed;
    quiz->left = 0;
    quiz->asked_by_quiz = false;
    quiz->command[0] = '\0';
    if (on)
        say(session, "predict is on: an operation waits for your answers.\n");
    else
        score_show(session);
}

void cmd_quiz(struct session *session, const struct words *words)
{
    struct past_quiz *quiz;
    uint64_t seed, count;

    if (!past_is_there(session, "quiz"))
        return;
    quiz = &session->past->quiz;
    if (words->count != 3 || parse_number(words->word[1], &seed) != PARSE_OK
            || parse_number(words->word[2], &count) != PARSE_OK || seed == 0
            || count == 0 || count > 1000) {
        refuse(session, "quiz takes a seed and how many questions to ask: "
                        "quiz 7 10");
        return;
    }
    if (!past_new_lab(session, &lab_default, NULL))
        return;
    quiz->asked = quiz->right = 0;
    quiz->seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    quiz->left = (uint32_t)count;
    quiz->asked_by_quiz = true;
    say(session, "A new lab, %llu operations. Seed %llu.\n", (wide)count,
        (wide)seed);
    quiz_next(session);
}
