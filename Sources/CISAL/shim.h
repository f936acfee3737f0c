#pragma once
#include <isa-l.h>

/* The macro is an expression, which Swift does not import. */
static const uint32_t isal_level_1_buffer_size = ISAL_DEF_LVL1_DEFAULT;
