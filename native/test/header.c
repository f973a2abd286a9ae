// The public header is C99, and complete on its own.
#include "kareus.h"

int kareus_header_is_c(void);
int kareus_header_is_c(void) { return KAREUS_OK + KAREUS_ABI_VERSION; }
