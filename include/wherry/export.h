/* SPDX-License-Identifier: MIT */
/*
 * Which symbols libwherry shows, and C linkage for C++.  Included by the other headers;
 * nothing here is for users.
 */
#ifndef WHERRY_EXPORT_H
#define WHERRY_EXPORT_H

#define WHERRY_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
#define WHERRY_BEGIN extern "C" {
#define WHERRY_END }
#else
#define WHERRY_BEGIN
#define WHERRY_END
#endif

#endif
