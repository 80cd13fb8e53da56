/* Rust's standard library gets randomness from this DLL. Every Windows since Vista has it; wine before 9 lacks it. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T size)
{
    return RtlGenRandom(buffer, (ULONG)size);
}
