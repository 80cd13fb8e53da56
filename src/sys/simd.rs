//! What newer processors do faster.

/// Each bit of a mask stands for a byte of 64, in a string or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Masks {
    pub(crate) quotes: u64,
    pub(crate) backslashes: u64,
    pub(crate) controls: u64,
    /// `{` and `[`.
    pub(crate) opening: u64,
    /// `}` and `]`.
    pub(crate) closing: u64,
    /// Braces, among others that are no brackets.
    pub(crate) curly: u64,
    pub(crate) colons: u64,
    pub(crate) commas: u64,
    pub(crate) digits: u64,
    pub(crate) zeros: u64,
}

pub(crate) use processor::Avx2;

#[cfg(target_arch = "x86_64")]
mod processor {
    use std::arch::x86_64::{
        __m256i, _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_set1_epi8,
        _mm256_cmpeq_epi8, _mm256_max_epu8, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8, _mm256_sub_epi8,
    };

    use crate::sys::simd::Masks;

    /// Shows that the processor has AVX2 and what came with it, as nearly every one since 2015 has.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Avx2(());

    impl Avx2 {
        #[inline(always)]
        pub(crate) fn detect() -> Option<Self> {
            let has = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("pclmulqdq");
            has.then_some(Self(()))
        }

        /// Runs code that is compiled for such a processor, as far as the compiler inlines it.
        #[inline(always)]
        pub(crate) fn run<R>(self, code: impl FnOnce() -> R) -> R {
            // SAFETY: the processor has what it is compiled for.
            unsafe { compiled(code) }
        }

        /// Looks at 64 bytes.
        #[inline(always)]
        pub(crate) fn masks(self, block: &[u8; 64]) -> Masks {
            // SAFETY: as above.
            unsafe { masks(block) }
        }

        /// For each bit, whether the number of bits up to it, itself included, is odd.
        #[inline(always)]
        pub(crate) fn prefix_xor(self, bits: u64) -> u64 {
            // SAFETY: as above.
            unsafe { prefix_xor(bits) }
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,pclmulqdq")]
    fn compiled<R>(code: impl FnOnce() -> R) -> R {
        code()
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn masks(block: &[u8; 64]) -> Masks {
        let (halves, _) = block.as_chunks::<32>();
        let mut masks = [0; 10];
        let splat = |byte: u8| _mm256_set1_epi8(byte.cast_signed());
        let is = |bytes: __m256i, byte| _mm256_cmpeq_epi8(bytes, splat(byte));
        for (number, half) in halves.iter().enumerate() {
            let bytes: __m256i = bytemuck::cast(*half);
            // brackets and braces differ in one bit
            let as_brace = _mm256_or_si256(bytes, splat(b'{' ^ b'['));
            let digit = _mm256_sub_epi8(bytes, splat(b'0'));
            let found = [
                is(bytes, b'"'),
                is(bytes, b'\\'),
                _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, splat(0x1f)), bytes),
                is(as_brace, b'{'),
                is(as_brace, b'}'),
                _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, splat(b'{')), bytes),
                is(bytes, b':'),
                is(bytes, b','),
                _mm256_cmpeq_epi8(_mm256_min_epu8(digit, splat(9)), digit),
                is(bytes, b'0'),
            ];
            for (mask, found) in masks.iter_mut().zip(found) {
                *mask |= u64::from(_mm256_movemask_epi8(found).cast_unsigned()) << (32 * number);
            }
        }
        let [quotes, backslashes, controls, opening, closing, curly, colons, commas, digits, zeros] = masks;
        Masks { quotes, backslashes, controls, opening, closing, curly, colons, commas, digits, zeros }
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn prefix_xor(bits: u64) -> u64 {
        let bits = _mm_cvtsi64_si128(bits.cast_signed());
        _mm_cvtsi128_si64(_mm_clmulepi64_si128::<0>(bits, _mm_set1_epi8(-1))).cast_unsigned()
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod processor {
    use crate::sys::simd::Masks;

    /// This processor has no AVX2.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Avx2 {}

    impl Avx2 {
        pub(crate) fn detect() -> Option<Self> {
            None
        }

        pub(crate) fn run<R>(self, _: impl FnOnce() -> R) -> R {
            match self {}
        }

        pub(crate) fn masks(self, _: &[u8; 64]) -> Masks {
            match self {}
        }

        pub(crate) fn prefix_xor(self, _: u64) -> u64 {
            match self {}
        }
    }
}
