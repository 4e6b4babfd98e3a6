/* g722.h - ITU-T G.722 at 64 kbit/s (mode 1): 16 kHz in two bands of ADPCM, one byte for two samples. Pure integers, bit-exact.
 *
 * Written anew, 150 lines, because the library for it (spandsp) brings libtiff and five more image libraries into the
 * process: 3.7 MB to install and 2.6 MB of memory, five times what a call has for its media. One thread per struct. */
#ifndef JCALL_MEDIA_G722_H
#define JCALL_MEDIA_G722_H

#include <stddef.h>
#include <stdint.h>

enum { G722_RATE = 16000 };

struct g722_band {			/* G.722 3.: quantizer scale and predictor of one band; alike on both sides */
	int nb, det;			/* logarithmic and linear scale factor */
	int s, sz;			/* predicted, and by the zeros alone */
	int r[2], p[2], a[2];		/* reconstructed and partial signal, poles; [0] is the newest */
	int d[6], b[6];			/* differences, zeros */
};

struct g722 {				/* an encoder or a decoder */
	struct g722_band low, high;
	int x[24];			/* of the quadrature mirror filter */
};

void g722_init(struct g722 *g);
void g722_encode(struct g722 *g, const int16_t *pcm, size_t n, uint8_t *out);		/* N even; writes N/2 bytes */
void g722_decode(struct g722 *g, const uint8_t *in, size_t len, int16_t *pcm);		/* writes 2*LEN samples */
/* The decoder G has lost a packet, PCM (N samples, even) was played in its place: adapt as if that had come, or what comes
 * next begins with an outburst. FILTER is an encoder's, whose bands are not used. */
void g722_follow(struct g722 *g, struct g722 *filter, const int16_t *pcm, size_t n);

#endif
