#ifndef SPANBRIDGE_ALLOCATION_COUNT_H
#define SPANBRIDGE_ALLOCATION_COUNT_H

#include <stdint.h>

/// Calls of malloc, calloc, realloc, aligned_alloc, memalign and posix_memalign since the start of the process, by any
/// thread and any library of it.
///
/// Linking this target replaces the process's allocator entry points by ones that count and hand on to glibc.
uint64_t allocation_count(void);

#endif
