/* Whether this build has code for the current device.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_LIB_CUDA_PROBE_H
#define GATTN_LIB_CUDA_PROBE_H

#ifdef __cplusplus
extern "C" {
#endif

/* The CUDA error that a launch on the current device would meet; 0 for none. */
int gattn_probe_device(void);

#ifdef __cplusplus
}
#endif

#endif
