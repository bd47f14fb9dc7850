/* SPDX-License-Identifier: MIT */
/*
 * The main() of a test program that has none of its own.
 */
#include "harness.h"

int main(int argc, char **argv)
{
    return harness_main(argc, argv);
}
