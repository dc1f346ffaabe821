/** What can be read of bytes, or of text that was read byte by byte: controls, and what is no UTF-8, are left out. */
export function printableText(captured: Buffer | string): string {
  const decoded = typeof captured === 'string' ? Buffer.from(captured, 'latin1').toString() : captured.toString();
  return decoded.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffd]/g, '');
}
