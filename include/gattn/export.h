/* Linkage of the public functions. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_EXPORT_H
#define GATTN_EXPORT_H

/* GATTN_API marks what the shared library exports; all else is hidden. */
#if defined(__GNUC__)
#define GATTN_API __attribute__((visibility("default")))
#else
#define GATTN_API
#endif

#ifdef __cplusplus
#define GATTN_BEGIN_DECLS extern "C" {
#define GATTN_END_DECLS }
#else
#define GATTN_BEGIN_DECLS
#define GATTN_END_DECLS
#endif

#endif
