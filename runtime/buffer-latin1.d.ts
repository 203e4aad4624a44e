/** Methods every Node Buffer has and @types/node leaves out: Latin-1 without the cost of `toString`'s argument checks. */
declare interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
  utf8Write(text: string, offset?: number, length?: number): number;
}
