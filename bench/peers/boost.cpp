// SPDX-License-Identifier: MIT
//
// Boost: Interprocess's message_queue, and Lockfree's spsc_queue in shared memory.
//
// Their best settings: of the first, room for 128 small messages, 16 of up to 1 MiB,
// four larger ones; its ends sleep on a condition (to try again and again is slower,
// for both ends want one lock).  The second moves things of one size, for which it was
// compiled, 1024 of them, and only ever looks again.
#include "contest.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

namespace
{

namespace interprocess = boost::interprocess;

/* --- Interprocess -------------------------------------------------------- */

struct queues {
    interprocess::message_queue *of[2]; // [side that writes]
};

std::size_t room_for(std::size_t size)
{
    return size <= 4096 ? 128 : size <= 1 << 20 ? 16 : 4;
}

// The names are not needed: both processes have the memory.
int prepare_queues(contest_end *end)
{
    queues *both = new queues();
    end->state = both;
    for (int side = 0; side < 2; side++) {
        char name[64];
        std::snprintf(name, sizeof(name), "%s-%d", end->name, side);
        try {
            both->of[side] = new interprocess::message_queue(
                interprocess::create_only, name, room_for(end->size), end->size);
            interprocess::message_queue::remove(name);
        } catch (const interprocess::interprocess_exception &error) {
            return contest_fail(end, -EIO, "%s", error.what());
        }
    }
    return 0;
}

interprocess::message_queue &mine(contest_end *end)
{
    return *static_cast<queues *>(end->state)->of[end->side];
}

interprocess::message_queue &theirs(contest_end *end)
{
    return *static_cast<queues *>(end->state)->of[1 - end->side];
}

int send_queue(contest_end *end)
{
    mine(end).send(end->bytes, end->size, 0);
    return 0;
}

int take_queue(contest_end *end)
{
    interprocess::message_queue::size_type size;
    unsigned priority;
    theirs(end).receive(end->bytes, end->size, size, priority);
    return size == end->size ? 0 : -EPROTO;
}

/* --- Lockfree ------------------------------------------------------------ */

template <std::size_t Size> struct parcel {
    unsigned char bytes[Size];
};

template <std::size_t Size>
using ring = boost::lockfree::spsc_queue<parcel<Size>, boost::lockfree::capacity<1024>>;

template <std::size_t Size> struct rings {
    ring<Size> *of[2];
};

template <std::size_t Size> int prepare_rings(contest_end *end)
{
    rings<Size> *both = new rings<Size>();
    end->state = both;
    for (int side = 0; side < 2; side++) {
        void *memory = contest_share(sizeof(ring<Size>));
        if (!memory)
            return -ENOMEM;
        both->of[side] = new (memory) ring<Size>();
    }
    return 0;
}

template <std::size_t Size> int send_ring(contest_end *end)
{
    const rings<Size> *both = static_cast<rings<Size> *>(end->state);
    parcel<Size> one;
    std::memcpy(one.bytes, end->bytes, Size);
    while (!both->of[end->side]->push(one))
        ;
    return 0;
}

template <std::size_t Size> int take_ring(contest_end *end)
{
    const rings<Size> *both = static_cast<rings<Size> *>(end->state);
    parcel<Size> one;
    while (!both->of[1 - end->side]->pop(one))
        ;
    std::memcpy(end->bytes, one.bytes, Size);
    return 0;
}

int prepare_by_size(contest_end *end)
{
    return end->size == 8    ? prepare_rings<8>(end)
           : end->size == 64 ? prepare_rings<64>(end)
                             : contest_fail(end, -ENOTSUP,
                                            "it is compiled for 8 and "
                                            "for 64 bytes");
}

int send_by_size(contest_end *end)
{
    return end->size == 8 ? send_ring<8>(end) : send_ring<64>(end);
}

int take_by_size(contest_end *end)
{
    return end->size == 8 ? take_ring<8>(end) : take_ring<64>(end);
}

contest_entrant entrant(const char *name, const char *settings, unsigned workloads)
{
    contest_entrant made = {};
    made.name = name;
    made.settings = settings;
    made.workloads = workloads;
    return made;
}

const unsigned both_ways =
    1u << CONTEST_ROUND | 1u << CONTEST_PUSH | 1u << CONTEST_MANY;

contest_entrant make_queue()
{
    contest_entrant made = entrant(
        "boost-queue", "message_queue, 128 small messages, sleeps on a condition",
        both_ways | 1u << CONTEST_TIMED | 1u << CONTEST_FOUR | 1u << CONTEST_EIGHT);
    made.prepare = prepare_queues;
    made.send = send_queue;
    made.take = take_queue;
    return made;
}

contest_entrant make_ring()
{
    contest_entrant made =
        entrant("boost-lockfree", "spsc_queue of 1024 in shared memory", both_ways);
    made.is_awake = true;
    made.prepare = prepare_by_size;
    made.send = send_by_size;
    made.take = take_by_size;
    return made;
}

} // namespace

const contest_entrant contest_entrants[] = {make_queue(), make_ring(),
                                            contest_entrant()};

int (*const contest_serve)(void) = nullptr;
