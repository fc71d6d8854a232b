/* SPDX-License-Identifier: MIT */
/*
 * prelude.h - what stands in front of the sources when Frama-C reads them
 *
 * What only a compiler knows is said in C: attributes mean nothing to a
 * proof, and one thread at a time is looked at, so an atomic store is a store.
 */
#define __attribute__(x)
#define _Alignas(x)
#define __atomic_store_n(place, value, order) (*(place) = (value))
#define __atomic_load_n(place, order) (*(place))
