/* SPDX-License-Identifier: MIT */
#include "past.h"
bool predict_before(struct session *session, const struct words *words)
{
    (void)session; (void)words; return true;
}
