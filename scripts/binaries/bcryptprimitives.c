/* What Wine 8 lacks and the Node.js of today asks for at its start: ProcessPrng of bcryptprimitives.dll. */

int __stdcall SystemFunction036(void *data, unsigned long length); /* RtlGenRandom */

__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *data, unsigned long long length) {
  while (length > 0) {
    unsigned long part = length > 65536 ? 65536 : (unsigned long)length;
    if (!SystemFunction036(data, part)) return 0;
    data += part;
    length -= part;
  }
  return 1;
}
