/* SPDX-License-Identifier: MIT */
/*
 * Fibers: stacks of their own in one thread, and a switch that asks no kernel.
 */
#include "parts.h"

enum { STACK_SIZE = 131072, SAVED = 6 };

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER
#endif
#endif

#ifdef HAS_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

/* Saves what a call must keep, and where that is; goes on where another has saved. */
void explore_switch(void **saved, void *other);

__asm__(".text\n"
        ".type explore_switch, @function\n"
        "explore_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size explore_switch, . - explore_switch\n");

static struct {
    _Alignas(64) unsigned char bytes[STACK_SIZE];
} stacks[EXPLORE_FIBERS];

static struct {
    void *saved;
    void (*body)(unsigned number);
    const void *bottom; // of the first one's stack, as it is found out
    size_t size;
    void *fake; // what the sanitizer keeps of it
} all[EXPLORE_FIBERS + 1];

static unsigned current = EXPLORE_FIBERS;

static void arrive(void)
{
#ifdef HAS_ADDRESS_SANITIZER
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(all[current].fake, &bottom, &size);
    if (!all[EXPLORE_FIBERS].bottom) {
        all[EXPLORE_FIBERS].bottom = bottom;
        all[EXPLORE_FIBERS].size = size;
    }
#endif
}

void fiber_switch(unsigned from, unsigned to)
{
#ifdef HAS_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(&all[from].fake, all[to].bottom, all[to].size);
#endif
    current = to;
    explore_switch(&all[from].saved, all[to].saved);
    arrive();
}

// Where a fiber begins; it never returns.
static void begin(void)
{
    arrive();
    all[current].body(current);
}

void fiber_renew(unsigned number, void (*body)(unsigned number))
{
    void **top = (void **)(void *)(stacks[number].bytes + STACK_SIZE);
    *--top = NULL; // as if begin had been called, and had nowhere to go back to
    *--top = (void *)(uintptr_t)begin;
    for (int i = 0; i < SAVED; i++)
        *--top = NULL;
    all[number].saved = top;
    all[number].body = body;
    all[number].bottom = stacks[number].bytes;
    all[number].size = STACK_SIZE;
    all[number].fake = NULL;
}
