/* SPDX-License-Identifier: MIT */
/*
 * tree.c - every AVL tree of up to KEYS tags
 *
 * From the empty tree, every insertion, removal (of a tag with at most one
 * side, which of two neighbours the lower one has) and replacement is tried in
 * every tree, until no new one appears. The tree never searches for a place:
 * a new tag goes directly behind one that is in it, or into an empty tree.
 * So nothing is inserted before the first tag, as in the ranges themselves,
 * and some trees would need more keys to come about. These too are made, as
 * drawings: all binary trees are, and the balanced ones are kept.
 *
 * In every tree T1 to T5 of ranges_tree.c hold, by a walk of our own; find,
 * next and previous answer what a sorted list would; and at the end
 * the number of trees is the one that a recurrence knows, which counts AVL
 * trees by their height and shares nothing with the code.
 *
 *     tree [KEYS]             9 when not said
 */
#include "closure.h"
#include "mm/ranges_tree.h"

enum { KEYS_MAX = 10, TREES_MAX = 1 << 16 };

/* A tree, by key: sides and parent as keys + 1, 0 for none. */
struct tree {
    uint8_t in, left, right, parent, height;
};

static struct tree trees[TREES_MAX][KEYS_MAX], before[KEYS_MAX];
static uint32_t table[4 * TREES_MAX];
static uint32_t seen, keys;
static uint64_t operations;

static struct mm_home home;
static struct ranges ranges;
static uint8_t root;
static uint32_t at[KEYS_MAX];   /* which tag is a key's: may be replaced */

void closure_show_state(void)
{
    for (uint32_t i = 0; i < keys; i++)
        if (before[i].in)
            printf("# key %u: left %d right %d parent %d height %d\n", i,
                   before[i].left - 1, before[i].right - 1,
                   before[i].parent - 1, before[i].height);
}

/* Key i is the page 2i + 1 with one page: between two keys is a gap. */
static uint32_t page_of(uint32_t key)
{
    return 2 * key + 1;
}

static struct range_tag *tag_of(uint32_t key)
{
    return &ranges.first[at[key]];
}

static range_ref ref_of(uint32_t key_and_one)
{
    return key_and_one == 0
               ? RANGE_NIL : range_ref_of(&ranges, tag_of(key_and_one - 1));
}

static uint8_t key_of(range_ref ref)
{
    const struct range_tag *tag = range_tag_at(&ranges, ref);

    EXPECT((tag == NULL) == (ref == RANGE_NIL), "a link leads astray");
    return tag == NULL ? 0 : (uint8_t)((tag->start - 1) / 2 + 1);
}

static uint8_t height_of(const struct tree *tree, uint32_t key_and_one)
{
    return key_and_one == 0 ? 0 : tree[key_and_one - 1].height;
}

/* The key (+ 1) before KEY, or behind it, that is in the tree; 0: none. */
static uint32_t neighbour(const struct tree *tree, uint32_t key, int step)
{
    for (int i = (int)key + step; i >= 0 && i < (int)keys; i += step)
        if (tree[i].in)
            return (uint32_t)i + 1;
    return 0;
}

static void make(const struct tree *tree)
{
    memset(ranges.first, 0, sizeof ranges.first);
    ranges.root = RANGE_NIL;
    for (uint32_t i = 0; i < keys; i++)
        at[i] = i + 1;
    for (uint32_t i = 0; i < keys; i++) {
        *tag_of(i) = (struct range_tag){
            .start = page_of(i), .pages = 1,
            .left = ref_of(tree[i].left != 0 ? tree[i].left
                                             : neighbour(tree, i, -1)),
            .right = ref_of(tree[i].right != 0 ? tree[i].right
                                               : neighbour(tree, i, 1)),
            .parent = ref_of(tree[i].parent),
            .left_height = height_of(tree, tree[i].left),
            .right_height = height_of(tree, tree[i].right),
        };
        if (tree[i].in && tree[i].parent == 0)
            ranges.root = ref_of(i + 1);
    }
}

/* The height of the subtree at the KEY (+ 1), T2 to T4 on the way; T1 follows
 * from the order in which the keys are met. */
static int check_subtree(uint32_t key, uint32_t parent, int *last)
{
    if (key == 0)
        return 0;

    const struct range_tag *tag = tag_of(key - 1);
    int left, right;

    EXPECT(key_of(tag->parent) == parent, "T4: a parent is not the parent");
    left = check_subtree(key_of(range_left(tag)), key, last);
    EXPECT((int)key > *last, "T1: not in order of address");
    *last = (int)key;
    right = check_subtree(key_of(range_right(tag)), key, last);
    EXPECT(left - right <= 1 && right - left <= 1,
           "T3: the sides' heights differ by more than one");
    EXPECT(tag->left_height == left && tag->right_height == right,
           "T2: a tag does not say how high its sides are");
    return (left > right ? left : right) + 1;
}

static void check_answers(const struct tree *tree)
{
    const struct range_tag *last = NULL;

    EXPECT(tree_find(&ranges, 0) == NULL, "find found what is in no tag");
    for (uint32_t i = 0; i < keys; i++) {
        const struct range_tag *tag = tree[i].in ? tag_of(i) : NULL;

        EXPECT(tree_find(&ranges, page_of(i)) == tag, "find is wrong");
        EXPECT(tree_find(&ranges, page_of(i) + 1) == NULL,
               "find found what is in no tag");
        if (tag == NULL)
            continue;
        EXPECT(tree_previous(&ranges, tag) == last, "previous is wrong");
        EXPECT(last == NULL || tree_next(&ranges, last) == tag,
               "next is wrong");
        EXPECT(tag->left_height != 0 ||
                   tag->left == ref_of(neighbour(tree, i, -1)),
               "T5: an empty left side does not name the tag before");
        EXPECT(tag->right_height != 0 ||
                   tag->right == ref_of(neighbour(tree, i, 1)),
               "T5: an empty right side does not name the tag behind");
        last = tag;
    }
    EXPECT(last == NULL || tree_next(&ranges, last) == NULL,
           "there is something after the last");
}

/* The tree in memory is one, and has the keys that MEMBERS says. */
static void settle(uint32_t members)
{
    struct tree tree[KEYS_MAX] = { 0 };
    int last = 0;
    uint32_t slot = 2166136261u;

    operations++;
    root = key_of(ranges.root);
    check_subtree(root, 0, &last);
    for (uint32_t i = 0; i < keys; i++) {
        const struct range_tag *tag = tag_of(i);

        if (!(members >> i & 1))
            continue;
        tree[i] = (struct tree){
            1, key_of(range_left(tag)), key_of(range_right(tag)),
            key_of(tag->parent), range_height(tag),
        };
    }
    check_answers(tree);
    for (uint32_t i = 0; i < sizeof tree; i++)
        slot = (slot ^ ((uint8_t *)tree)[i]) * 16777619u;
    for (slot %= 4 * TREES_MAX; table[slot] != 0;
         slot = (slot + 1) % (4 * TREES_MAX))
        if (memcmp(trees[table[slot] - 1], tree, sizeof tree) == 0)
            return;
    EXPECT(seen < TREES_MAX, "more trees than this program can hold");
    memcpy(trees[seen], tree, sizeof tree);
    table[slot] = ++seen;
}

/* Of key I and the next key that is in the tree, the lower one can go. */
static void check_neighbours(uint32_t i)
{
    uint32_t next = i + 1;

    while (next < keys && !before[next].in)
        next++;
    if (next >= keys)
        return;
    if (before[next].height < before[i].height)
        i = next;
    EXPECT(before[i].left == 0 || before[i].right == 0,
           "of two neighbours the lower one has two sides");
}

static void try_everything(const struct tree *tree)
{
    uint32_t members = 0;

    memcpy(before, tree, sizeof before);
    for (uint32_t i = 0; i < keys; i++)
        members |= (uint32_t)before[i].in << i;
    for (uint32_t i = 0; i < keys; i++) {
        uint32_t known = i;

        make(before);
        if (before[i].in) {
            check_neighbours(i);
            if (before[i].left == 0 || before[i].right == 0) {
                closure_note("remove %u", i, 0);
                tree_remove(&ranges, tag_of(i));
                settle(members & ~(UINT32_C(1) << i));
            }

            make(before);
            closure_note("replace %u", i, 0);
            ranges.first[20] = *tag_of(i);
            tree_replace(&ranges, tag_of(i), &ranges.first[20]);
            at[i] = 20;
            settle(members);
            continue;
        }
        while (known > 0 && !before[known].in)
            known--;
        if (!before[known].in && members != 0)
            continue;                   /* before the first */
        closure_note("insert %u after %u", i, known);
        tree_insert_after(&ranges, members == 0 ? NULL : tag_of(known),
                          tag_of(i));
        settle(members | UINT32_C(1) << i);
    }
}

/* ---- every tree there is, drawn --------------- */

static uint64_t binary_trees(uint32_t n)
{
    uint64_t all = n == 0;

    for (uint32_t left = 0; left < n; left++)
        all += binary_trees(left) * binary_trees(n - 1 - left);
    return all;
}

/* Draws the binary tree of number RANK over the N keys of MEMBERS. Answers
 * its root's key + 1; *BALANCED becomes false when it is no AVL tree. */
static uint8_t draw(struct tree *tree, const uint8_t *members, uint32_t n,
                    uint64_t rank, uint8_t parent, bool *balanced)
{
    uint32_t left = 0;
    uint64_t right_trees;

    if (n == 0)
        return 0;
    for (;; left++) {
        right_trees = binary_trees(n - 1 - left);
        if (rank < binary_trees(left) * right_trees)
            break;
        rank -= binary_trees(left) * right_trees;
    }

    struct tree *top = &tree[members[left]];
    uint8_t self = (uint8_t)(members[left] + 1);

    top->in = 1;
    top->parent = parent;
    top->left = draw(tree, members, left, rank / right_trees, self, balanced);
    top->right = draw(tree, members + left + 1, n - 1 - left,
                      rank % right_trees, self, balanced);

    int a = top->left == 0 ? 0 : tree[top->left - 1].height;
    int b = top->right == 0 ? 0 : tree[top->right - 1].height;

    *balanced &= a - b <= 1 && b - a <= 1;
    top->height = (uint8_t)((a > b ? a : b) + 1);
    return self;
}

static void draw_all(void)
{
    for (uint32_t set = 0; set < UINT32_C(1) << keys; set++) {
        uint8_t members[KEYS_MAX];
        uint32_t n = 0;

        for (uint32_t i = 0; i < keys; i++)
            if (set >> i & 1)
                members[n++] = (uint8_t)i;
        for (uint64_t rank = 0; rank < binary_trees(n); rank++) {
            struct tree tree[KEYS_MAX] = { 0 };
            bool balanced = true;

            draw(tree, members, n, rank, 0, &balanced);
            if (!balanced)
                continue;
            closure_note("a drawing", 0, 0);
            make(tree);
            settle(set);
        }
    }
}

/* How many AVL trees have N tags: by height, Adelson-Velsky's condition. */
static uint64_t shapes(uint32_t n)
{
    static uint64_t by_height[16][KEYS_MAX + 1];
    uint64_t all = 0;

    memset(by_height, 0, sizeof by_height);
    by_height[0][0] = 1;
    by_height[1][1] = 1;
    for (int h = 2; h < 16; h++)
        for (uint32_t m = 1; m <= n; m++)
            for (uint32_t left = 0; left < m; left++) {
                uint64_t high = by_height[h - 1][left];
                uint32_t right = m - 1 - left;

                by_height[h][m] += high * (by_height[h - 1][right] +
                                           by_height[h - 2][right]) +
                                   by_height[h - 2][left] *
                                       by_height[h - 1][right];
            }
    for (int h = 0; h < 16; h++)
        all += by_height[h][n];
    return all;
}

int main(int count, char **words)
{
    uint64_t expected = 0, choose = 1;
    uint32_t tried = 0;

    closure_name = "AVL trees";
    keys = count > 1 ? (uint32_t)atoi(words[1]) : 9;
    if (keys < 1 || keys > KEYS_MAX) {
        fprintf(stderr, "tree [KEYS]: 1 to %d\n", KEYS_MAX);
        return 2;
    }
    home = (struct mm_home){ 0 };
    ranges_init(&ranges, &home, trees, 100);
    make(before);
    settle(0);
    for (; tried < seen; tried++)
        try_everything(trees[tried]);
    printf("# %u come about by insertion and removal\n", seen);
    draw_all();
    for (; tried < seen; tried++)
        try_everything(trees[tried]);
    for (uint32_t n = 0; n <= keys; n++) {
        expected += choose * shapes(n);         /* choose: n of keys */
        choose = choose * (keys - n) / (n + 1);
    }
    printf("# %llu trees by the recurrence, %llu shapes with all keys\n",
           (unsigned long long)expected, (unsigned long long)shapes(keys));
    EXPECT(seen == expected, "not every AVL tree was reached");
    printf("ok - AVL trees of %u keys: all %u, %llu operations\n", keys,
           seen, (unsigned long long)operations);
    return 0;
}
