/* SPDX-License-Identifier: MIT */
/*
 * What the two places of a lease share: a file with a name (lease_named.c), and a part
 * of a region (lease.c).
 */
#ifndef TRANSPORT_LEASE_H
#define TRANSPORT_LEASE_H

#include "transport/named.h"

extern const struct named named_lease;

/* What one that is made has. */
uint32_t lease_permits(const struct address *);
uint32_t lease_handles(const struct address *);

/* One that is there has its permits, whatever the address asks for.  -EEXIST; the
 * sentence is set. */
int lease_check_permits(const struct address *, const wherry_semaphore *);

/* Members of struct transport. */
int lease_named_open(const struct address *, wherry_semaphore **out);
int lease_named_remove(const struct address *);

#endif
