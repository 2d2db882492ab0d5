// What runs in the machine that the host should know of (look.c).
#include <stdint.h>

// Writes ports and jobs as SPEC.md A18 says and returns the size; `own` are the processes that the host started itself,
// `shells` those of them whose children are jobs, each list ended by 0.
int look(uint8_t *into, int room, const int *own, const int *shells);
