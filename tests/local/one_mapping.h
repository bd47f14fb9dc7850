/* SPDX-License-Identifier: MIT */
/*
 * What two ends in one process do to each other in memory that they share is to be seen
 * by the thread sanitizer, which knows memory by its address: what one end has mapped
 * the other gets at the same.  ld --wrap leads os_map and os_unmap here.
 */
#ifndef ONE_MAPPING_H
#define ONE_MAPPING_H

/* So many mappings were given out again. */
unsigned one_mapping_shared(void);

#endif
