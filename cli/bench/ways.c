/* SPDX-License-Identifier: MIT */
/*
 * The ways that are compared, and what is divided by what.
 */
#include "bench/bench.h"

#include <sys/socket.h>

const struct bench_way bench_ways[BENCH_WAYS] = {
    [WAY_FOREVER] = {.name = "forever",
                     .is_ours = true,
                     .send = ours_send,
                     .take = ours_take},
    [WAY_DEADLINE] = {.name = "deadline",
                      .is_ours = true,
                      .send = ours_send_timed,
                      .take = ours_take_timed},
    [WAY_BARE] = {.name = "bare", .send = bare_send, .take = bare_take},
    [WAY_EACH] = {.name = "each",
                  .is_ours = true,
                  .push = ours_push_each,
                  .pull = ours_pull,
                  .mark = ours_mark},
    [WAY_BARE_EACH] = {.name = "bare-each",
                       .push = bare_push_each,
                       .pull = bare_pull,
                       .mark = bare_mark},
    [WAY_MORE] = {.name = "more",
                  .is_ours = true,
                  .is_small = true,
                  .push = ours_push_more,
                  .pull = ours_pull_many,
                  .mark = ours_mark},
    [WAY_MANY] = {.name = "many",
                  .is_ours = true,
                  .is_small = true,
                  .push = ours_push_many,
                  .pull = ours_pull_many,
                  .mark = ours_mark},
    [WAY_GATHERED] = {.name = "bare-gathered",
                      .is_small = true,
                      .is_bytes = true,
                      .push = bare_push_gathered,
                      .pull = bare_pull},
};

const struct bench_ratio bench_ratios[BENCH_RATIOS] = {
    [RATIO_FOREVER] = {WAY_FOREVER, WAY_BARE, "forever/bare"},
    [RATIO_DEADLINE] = {WAY_DEADLINE, WAY_BARE, "deadline/bare"},
    [RATIO_EACH] = {WAY_EACH, WAY_BARE_EACH, "each/bare-each"},
    [RATIO_MORE] = {WAY_MORE, WAY_BARE_EACH, "more/bare-each"},
    [RATIO_MANY] = {WAY_MANY, WAY_BARE_EACH, "many/bare-each"},
    [RATIO_MORE_GATHERED] = {WAY_MORE, WAY_GATHERED, "more/bare-gathered"},
    [RATIO_MANY_GATHERED] = {WAY_MANY, WAY_GATHERED, "many/bare-gathered"},
};

bool bench_way_fits(const struct bench_way *way,
                    const struct bench_mechanism *mechanism, size_t size)
{
    bool keeps_messages = bench_keeps_messages(mechanism);
    if (way->is_small && size > BENCH_SMALL)
        return false;
    return !(way->is_bytes && keeps_messages);
}
