/** Code 0x00 to 0x7F of the GSM 7-bit default alphabet in Unicode, as Perl's Encode::GSM0338 3.17 decodes it; 0x1B is the escape. */
export const GSM7_DEFAULT =
  '0040 00a3 0024 00a5 00e8 00e9 00f9 00ec 00f2 00c7 000a 00d8 00f8 000d 00c5 00e5 0394 005f 03a6 0393 039b 03a9 03a0 03a8 03a3 0398 039e fffd 00c6 00e6 00df 00c9' +
  ' 0020 0021 0022 0023 00a4 0025 0026 0027 0028 0029 002a 002b 002c 002d 002e 002f 0030 0031 0032 0033 0034 0035 0036 0037 0038 0039 003a 003b 003c 003d 003e 003f' +
  ' 00a1 0041 0042 0043 0044 0045 0046 0047 0048 0049 004a 004b 004c 004d 004e 004f 0050 0051 0052 0053 0054 0055 0056 0057 0058 0059 005a 00c4 00d6 00d1 00dc 00a7' +
  ' 00bf 0061 0062 0063 0064 0065 0066 0067 0068 0069 006a 006b 006c 006d 006e 006f 0070 0071 0072 0073 0074 0075 0076 0077 0078 0079 007a 00e4 00f6 00f1 00fc 00e0';

/** Code behind the escape = character, by the same. */
export const GSM7_EXTENSION = '0a=000c 14=005e 28=007b 29=007d 2f=005c 3c=005b 3d=007e 3e=005d 40=007c 65=20ac';

/**
 * The national language tables of 3GPP TS 23.038 Annex A: kind, language, the beginning of the SHA-256 of
 * "<code>=<character>,…" (hex, ascending, without 0x1B), made from the tables of lighterowl/lib3gpp23038 after setting right
 * what differs there from the printed annex, or is wrong in it: default 09, Turkish locking 1F, Oriya locking 47, Punjabi single
 * 23, Telugu single 22 and 23, Kannada locking 24 (U+0CA1), Tamil single 24 (U+0BEE).
 */
export const NATIONAL_TABLES: readonly (readonly ['lock' | 'shift', number, string])[] = [
  ['lock', 1, 'f37f629ca142fa1a'],
  ['shift', 1, '11fa98eca919e5d0'],
  ['shift', 2, '54a4e84c4e267889'],
  ['lock', 3, '1d4097b7f0a29e65'],
  ['shift', 3, 'd922d1c510921ba7'],
  ['lock', 4, '02aa2c42812e9270'],
  ['shift', 4, '67c29a4c109acaf2'],
  ['lock', 5, '8d79dfc30b66721a'],
  ['shift', 5, 'af5b58a6f36bee36'],
  ['lock', 6, 'e3139ff1d9ca299c'],
  ['shift', 6, '9e1e54628b2b91c1'],
  ['lock', 7, '7e5eb563c0430bb3'],
  ['shift', 7, '0bd1be5527ca5fad'],
  ['lock', 8, '962c835c151e2cca'],
  ['shift', 8, 'a75bbad53e46825a'],
  ['lock', 9, '15ea26f77fec0167'],
  ['shift', 9, '46d90e402508b5fd'],
  ['lock', 10, 'd0d728531554f6b9'],
  ['shift', 10, '7434fb29cd13f51c'],
  ['lock', 11, '9db530c34356064d'],
  ['shift', 11, '96c0f847bc768421'],
  ['lock', 12, '441c43ffa6b001b8'],
  ['shift', 12, 'b412a4126bd07567'],
  ['lock', 13, '030460b6e02ffcd1'],
  ['shift', 13, 'dcca5d7507b0f5b8'],
];
