/* SPDX-License-Identifier: MIT */
/*
 * remote.pml - the remote list of a thread heap, for spin
 *
 * What src/mm/threads.c does, reduced to what can go wrong: PUSHERS threads
 * free payloads that the owner allocated; the owner allocates again what comes
 * back. A payload is a number from 1 to PAYLOADS; 0 is the end of a list.
 *
 *     remote          the list's head, read and written atomically
 *     link[p]         the word in payload p that leads to the next
 *     state[p]        what is really so, which no thread can see:
 *                     FREE with the owner, LIVE with a thread, PUSHED
 *
 * Every statement outside `atomic` may be interrupted by every other thread;
 * a compare-and-swap and an exchange are one atomic step each, and a plain
 * read or write of a word as well.
 *
 * Asserted:
 *
 *   - no payload is handed out twice, and none is pushed twice
 *   - what the owner drains was pushed, and is drained once
 *   - at the end nothing is lost: every payload is back with the owner
 *
 * With -DABA the owner takes one payload at a time, by compare-and-swap (head
 * becomes link[head]): the mistake that the design avoids. Spin must find how
 * it fails; tests/model/spin says `not ok` if it does not.
 *
 *     owner reads head = 1, link[1] = 2 ... and is interrupted
 *     another owner takes 1 and 2, and 1 is pushed back: head = 1 again
 *     the swap succeeds, and head becomes 2, which is in use
 *
 * A list that is popped has this problem only if two can pop, so in that
 * model a thread that adopts the heap too early stands for the second one.
 */

#define PAYLOADS 3
#define PUSHERS  2
#define ROUNDS   4          /* payloads that each owner hands out */

mtype = { FREE, LIVE, PUSHED };

byte remote = 0;
byte link[PAYLOADS + 1];
mtype state[PAYLOADS + 1] = FREE;

/* Payloads on their way from the owner to the threads that will free them. */
chan handed = [PAYLOADS] of { byte };
byte handing = 0;           /* owners that still hand out */

/* What heap_push_remote() does. */
inline push(p, seen)
{
    atomic { assert(state[p] == LIVE); state[p] = PUSHED };
    seen = remote;
    do
    :: link[p] = seen;                  /* before the swap: no gap */
       if
       :: atomic { remote == seen -> remote = p }; break
       :: atomic { remote != seen -> seen = remote }
       fi
    od
}

proctype pusher()
{
    byte p, seen;

    do
    :: handed ? p -> push(p, seen)
    :: atomic { handing == 0 && len(handed) == 0 -> break }
    od
}

#ifndef ABA

/* What heap_drain() does: the whole list, by exchange. */
inline drain(list)
{
    atomic { list = remote; remote = 0 };
    do
    :: list != 0 ->
       p = list;
       list = link[p];                  /* read before it is freed */
       atomic { assert(state[p] == PUSHED); state[p] = FREE }
    :: else -> break
    od
}

#else

/* The mistake: one payload, by compare-and-swap. */
inline drain(list)
{
    list = remote;
    if
    :: list != 0 ->
       p = link[list];
       if
       :: atomic { remote == list -> remote = p };
          atomic { assert(state[list] == PUSHED); state[list] = FREE }
       :: atomic { remote != list -> skip }
       fi
    :: else -> skip
    fi;
    list = 0; p = 0
}

#endif

proctype owner()
{
    byte p = 0, list = 0, given = 0;

    do
    :: given < ROUNDS ->
       /* A free payload, or what others have freed. */
       if
       :: atomic { state[1] == FREE -> state[1] = LIVE; p = 1 }
       :: atomic { state[2] == FREE -> state[2] = LIVE; p = 2 }
       :: atomic { state[3] == FREE -> state[3] = LIVE; p = 3 }
       :: else -> p = 0
       fi;
       if
       :: p != 0 -> handed ! p; given++; p = 0
       :: else -> skip
       fi;
       drain(list)
    :: else -> break
    od;
    handing--
}

init
{
    byte i, p, list;

    atomic {
        handing = 1;
        run owner();
#ifdef ABA
        handing = 2;
        run owner();
#endif
        for (i : 1 .. PUSHERS) { run pusher() }
    }
    (_nr_pr == 1);                      /* all have ended */

#ifndef ABA
    drain(list);
    assert(remote == 0);
    for (i : 1 .. PAYLOADS) { assert(state[i] == FREE) }
#endif
}
