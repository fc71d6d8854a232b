/* SPDX-License-Identifier: MIT */
/*
 * cmd_tree.c - tree: the AVL tree of ranges, as it is linked
 *
 * Lying on its side: the root at the left, what is further right in memory
 * further down, so that reading downwards is reading by address. Each tag
 * shows its balance (the height of its right subtree less that of its left:
 * -1, 0 or +1, says R3 of ranges.c) and the largest free range in its
 * subtree. A free tag that hangs on a used one, and is not in the tree, has a
 * row behind that.
 */

#include "command.h"
#include "explain.h"

#include "../trace/sentence.h"

enum {
    TREE_DEEP = 48,             /* no tree is deeper; a damaged one is cut */
    INDENT_SIZE = TREE_DEEP * 4 + 8,
};

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* The largest free range in the subtree of REF, in pages; *STEPS keeps it
 * from going round in damaged tags. */
static uint32_t largest_free(const struct ranges *ranges, range_ref ref,
                             unsigned depth, uint64_t *steps)
{
    const struct range_tag *tag = range_tag_at(ranges, ref);
    uint32_t largest;

    if (tag == NULL || depth > TREE_DEEP || ++*steps > ranges->page_count)
        return 0;

    const struct range_tag *hanging = range_hanging(ranges, tag);

    largest = tag->type == RANGE_FREE ? tag->pages
              : hanging != NULL       ? hanging->pages : 0;
    largest = larger(largest, largest_free(ranges, range_left(tag), depth + 1,
                                           steps));
    return larger(largest, largest_free(ranges, range_right(tag), depth + 1,
                                        steps));
}

/* What stands before a row at DEPTH: the lines that pass by, and MARK. SIDES[i]
 * says which child the path to it takes at depth i: where it turns, the line
 * from the parent passes by. */
static const char *indent_write(char *indent, const char *sides,
                                unsigned depth, const char *mark)
{
    size_t length = 0;

    for (unsigned i = 1; i < depth; i++)
        length += print_text(indent + length, INDENT_SIZE - length, "%s",
                             sides[i] != sides[i + 1] ? "|   " : "    ");
    print_text(indent + length, INDENT_SIZE - length, "%s",
               depth > 0 ? mark : "");
    return indent;
}

/* What hangs on TAG, which is at DEPTH, if something does. */
static bool hanging_show(struct session *session, const struct range_tag *tag,
                         unsigned depth, char *sides, uint64_t *shown)
{
    const struct range_tag *hanging =
        range_hanging(session->machine->ranges, tag);
    char indent[INDENT_SIZE];

    if (hanging == NULL)
        return true;
    ++*shown;
    sides[depth + 1] = 'r';
    return say(session, "%s%s+0x%llx %u page%s, %s%s, hangs\n",
               indent_write(indent, sides, depth + 1, ":.. "),
               colour(session, COLOUR_FREE),
               (wide)hanging->start * MM_PAGE, hanging->pages,
               plural(hanging->pages), range_type_name(hanging->type),
               colour(session, COLOUR_NONE));
}

/* The subtree of REF, which is the left or right SIDE ('l', 'r') of the tag
 * above it. */
static bool subtree_show(struct session *session, range_ref ref,
                         unsigned depth, char side, char *sides,
                         uint64_t *shown)
{
    const struct ranges *ranges = session->machine->ranges;
    const struct range_tag *tag = range_tag_at(ranges, ref);
    char indent[INDENT_SIZE];
    uint64_t steps = 0;
    int balance;

    if (tag == NULL)
        return true;
    if (depth >= TREE_DEEP || ++*shown > ranges->page_count)
        return refuse(session, "the tree does not end here: its tags are "
                               "damaged (check names the place)");
    sides[depth] = side;
    if (!subtree_show(session, range_left(tag), depth + 1, 'l', sides, shown))
        return false;

    balance = tag->right_height - tag->left_height;
    if (!say(session, "%s%s+0x%llx %u page%s, %s%s, balance %s%d, largest "
                      "free %u\n",
             indent_write(indent, sides, depth,
                          side == 'l' ? ".-- " : "`-- "),
             colour(session, tag->type == RANGE_FREE ? COLOUR_FREE
                                                     : COLOUR_USED),
             (wide)tag->start * MM_PAGE, tag->pages, plural(tag->pages),
             range_type_name(tag->type), colour(session, COLOUR_NONE),
             balance > 0 ? "+" : "", balance,
             largest_free(ranges, ref, 0, &steps)) ||
        !hanging_show(session, tag, depth, sides, shown))
        return false;

    return subtree_show(session, range_right(tag), depth + 1, 'r', sides,
                        shown);
}

void cmd_tree(struct session *session, const struct words *words)
{
    const struct ranges *ranges = session->machine->ranges;
    const struct range_tag *root = range_tag_at(ranges, ranges->root);
    char sides[TREE_DEEP + 2] = { 0 };
    uint64_t shown = 0;

    if (words->count != 1) {
        refuse(session, "tree takes nothing: it shows the tree of ranges");
        return;
    }
    if (subtree_show(session, ranges->root, 0, ' ', sides, &shown))
        say(session, "%llu tag%s, height %d; sizes in pages of %d bytes\n",
            (wide)shown, plural(shown),
            root == NULL ? 0 : range_height(root), MM_PAGE);
}
