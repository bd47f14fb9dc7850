/* SPDX-License-Identifier: MIT */
/*
 * The subjects of selftest.c: in careless.c what goes wrong with shared words, in
 * operations.c what an operation and those around it can do to the killer.
 */
#ifndef STEP_CARELESS_H
#define STEP_CARELESS_H

#include "step.h"

/* Adds those of operations.c. */
void careless_operations(void);

#endif
