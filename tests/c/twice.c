/* The header stands alone, and may be included twice. It is compiled as C and C++. */
#include "sonoran.h"
#include "sonoran.h"

int main(void)
{
    return SONORAN_VERSION_NUMBER > 0 && SONORAN_E_ARGUMENT + 1 == 0 && sizeof(sonoran_session) == 4 ? 0 : 1;
}
