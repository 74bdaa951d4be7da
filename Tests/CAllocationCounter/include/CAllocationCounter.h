#pragma once
#include <stdint.h>

/// How often the calling thread has asked for memory since it started, by malloc, calloc, realloc
/// or one of the aligned ones. Always 0 where `vc_allocation_counter_works` is 0.
uint64_t vc_allocation_count(void);

/// 1 when allocations are counted; 0 under a sanitizer, which has an allocator of its own.
int vc_allocation_counter_works(void);
