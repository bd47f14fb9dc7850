// SPDX-License-Identifier: MIT
//
// Eclipse iceoryx 2.0: publish and subscribe, one topic a direction.
//
// Its best settings: nothing is ever dropped (each waits for the slower), as many
// chunks as stay in a cache; its reader looks again and again (take() polled), or
// sleeps in a WaitSet.  Copied messages are copied into a loaned chunk and out of it;
// of lent ones 8 bytes are touched.  It needs its daemon, iox-roudi, which `serve` runs
// with pools for these sizes, without its monitoring; of the daemon's processor nothing
// is counted.
#include "contest.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

namespace
{

enum { MEETING = 5000, /* milliseconds */ STARTING = 20000, LINE = 256 };

struct topics {
    std::unique_ptr<iox::popo::UntypedPublisher> out;
    std::unique_ptr<iox::popo::UntypedSubscriber> in;
    std::unique_ptr<iox::popo::WaitSet<>> waits; // null: it stays awake
};

/* --- opening ------------------------------------------------------------- */

iox::capro::ServiceDescription topic_of(const contest_end *end, int side)
{
    iox::capro::IdString_t contest;
    (void)contest.unsafe_assign(end->name);
    iox::capro::IdString_t direction;
    (void)direction.unsafe_assign(side == 0 ? "there" : "back");
    return {"wherry-bench", contest, direction};
}

// Chunks that wait are memory: many small ones, few large ones.
std::uint64_t room_for(std::size_t size)
{
    return size <= 65536 ? 64 : size <= 1 << 20 ? 8 : 2;
}

// The name was made before the processes parted.
int open_topics(contest_end *end, bool sleeps)
{
    char name[64];
    std::snprintf(name, sizeof(name), "%s-%d", end->name, end->side);
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kOff);
    iox::RuntimeName_t runtime;
    (void)runtime.unsafe_assign(name);
    iox::runtime::PoshRuntime::initRuntime(runtime);
    iox::popo::PublisherOptions publishes;
    publishes.subscriberTooSlowPolicy =
        iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
    iox::popo::SubscriberOptions subscribes;
    subscribes.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
    subscribes.queueCapacity = room_for(end->size);
    topics *both = new topics();
    end->state = both;
    both->out = std::make_unique<iox::popo::UntypedPublisher>(topic_of(end, end->side),
                                                              publishes);
    both->in = std::make_unique<iox::popo::UntypedSubscriber>(
        topic_of(end, 1 - end->side), subscribes);
    if (!sleeps)
        return 0;
    both->waits = std::make_unique<iox::popo::WaitSet<>>();
    return both->waits->attachState(*both->in, iox::popo::SubscriberState::HAS_DATA)
                   .has_error()
               ? -EIO
               : 0;
}

bool has_met(const topics *both)
{
    return both->in->getSubscriptionState() == iox::SubscribeState::SUBSCRIBED &&
           both->out->hasSubscribers();
}

// Whoever comes second waits for the daemon to have joined them; the first does then.
int meet(contest_end *end)
{
    const topics *both = static_cast<topics *>(end->state);
    const std::int64_t until = contest_now() + MEETING * INT64_C(1000000);
    while (!has_met(both) && contest_now() < until)
        (void)poll(nullptr, 0, 1);
    return has_met(both) ? 0 : -ETIMEDOUT;
}

int open_awake(contest_end *end)
{
    const int r = open_topics(end, false);
    return r < 0 || end->side == 0 ? r : meet(end);
}

int open_sleeping(contest_end *end)
{
    const int r = open_topics(end, true);
    return r < 0 || end->side == 0 ? r : meet(end);
}

void close_topics(contest_end *end)
{
    topics *both = static_cast<topics *>(end->state);
    both->waits.reset();
    both->in.reset();
    both->out.reset();
}

/* --- messages ------------------------------------------------------------ */

std::size_t touched(const contest_end *end)
{
    return end->workload == CONTEST_LENT ? std::size_t{CONTEST_LEAST} : end->size;
}

int send_one(contest_end *end)
{
    topics *both = static_cast<topics *>(end->state);
    for (;;) {
        auto chunk =
            both->out->loan(static_cast<std::uint32_t>(end->size), CONTEST_LEAST);
        if (chunk.has_error()) {
            contest_pause();
            continue;
        }
        std::memcpy(chunk.value(), end->bytes, touched(end));
        both->out->publish(chunk.value());
        return 0;
    }
}

int take_one(contest_end *end)
{
    topics *both = static_cast<topics *>(end->state);
    for (;;) {
        auto chunk = both->in->take();
        if (!chunk.has_error()) {
            std::memcpy(end->bytes, chunk.value(), touched(end));
            both->in->release(chunk.value());
            return 0;
        }
        if (both->waits)
            both->waits->wait();
    }
}

/* --- its daemon ---------------------------------------------------------- */

// Of each size: what two contests at a time have under way.
const char pools[] = "[general]\n"
                     "version = 1\n"
                     "[[segment]]\n"
                     "[[segment.mempool]]\n"
                     "size = 128\n"
                     "count = 1000\n"
                     "[[segment.mempool]]\n"
                     "size = 65664\n"
                     "count = 600\n"
                     "[[segment.mempool]]\n"
                     "size = 1048704\n"
                     "count = 100\n"
                     "[[segment.mempool]]\n"
                     "size = 8388736\n"
                     "count = 40\n";

bool write_pools(const char *path)
{
    FILE *file = std::fopen(path, "wx");
    if (!file)
        return false;
    const bool is_whole = std::fputs(pools, file) >= 0;
    return std::fclose(file) == 0 && is_whole;
}

pid_t start_daemon(const char *path, int out)
{
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(EXIT_FAILURE);
    execlp("iox-roudi", "iox-roudi", "-c", path, "-m", "off", "-l", "off",
           static_cast<char *>(nullptr));
    _exit(127);
}

// Reads what it says until it is ready; false: it has ended, or says nothing.
bool is_ready(int from)
{
    char said[4096] = "";
    std::size_t size = 0;
    const std::int64_t until = contest_now() + STARTING * INT64_C(1000000);
    while (contest_now() < until && size + 1 < sizeof(said)) {
        struct pollfd waits = {from, POLLIN, 0};
        if (poll(&waits, 1, 100) <= 0)
            continue;
        const ssize_t r = read(from, said + size, sizeof(said) - 1 - size);
        if (r <= 0)
            return false;
        size += static_cast<std::size_t>(r);
        said[size] = '\0';
        if (std::strstr(said, "ready for clients"))
            return true;
    }
    return false;
}

// What it says from now on is thrown away, so that it never waits for us; until stdin
// ends.
void watch(int from)
{
    for (;;) {
        char bytes[LINE];
        struct pollfd waits[2] = {{0, POLLIN, 0}, {from, POLLIN, 0}};
        if (poll(waits, 2, -1) < 0 && errno != EINTR)
            return;
        if (waits[0].revents && read(0, bytes, sizeof(bytes)) <= 0)
            return;
        if (waits[1].revents && read(from, bytes, sizeof(bytes)) <= 0)
            return;
    }
}

int serve()
{
    static const char path[] = "pools.toml";
    int ends[2];
    if (!write_pools(path) || pipe2(ends, O_CLOEXEC) < 0) {
        std::printf("unfit %s\n", std::strerror(errno));
        return EXIT_FAILURE;
    }
    const pid_t daemon = start_daemon(path, ends[1]);
    close(ends[1]);
    const bool is_there = daemon > 0 && is_ready(ends[0]);
    std::puts(is_there ? "ready iox-roudi"
                       : "unfit its daemon iox-roudi does not start: is it installed "
                         "(iceoryx), and does no other one run?");
    (void)std::fflush(stdout);
    if (is_there)
        watch(ends[0]);
    if (daemon > 0) {
        (void)kill(daemon, SIGTERM);
        (void)waitpid(daemon, nullptr, 0);
    }
    return EXIT_SUCCESS;
}

contest_entrant entrant(const char *name, const char *settings)
{
    contest_entrant made = {};
    made.name = name;
    made.settings = settings;
    made.workloads = 1u << CONTEST_ROUND | 1u << CONTEST_LENT | 1u << CONTEST_PUSH |
                     1u << CONTEST_MANY;
    made.send = send_one;
    made.take = take_one;
    made.meet = meet;
    made.close = close_topics;
    return made;
}

contest_entrant make_awake()
{
    contest_entrant made = entrant("iceoryx", "take() polled, beside its daemon");
    made.is_awake = true;
    made.open = open_awake;
    return made;
}

contest_entrant make_sleeping()
{
    contest_entrant made =
        entrant("iceoryx-waitset", "take() after a WaitSet, beside its daemon");
    made.workloads |= 1u << CONTEST_TIMED;
    made.open = open_sleeping;
    return made;
}

} // namespace

const contest_entrant contest_entrants[] = {make_awake(), make_sleeping(),
                                            contest_entrant()};

int (*const contest_serve)(void) = serve;
