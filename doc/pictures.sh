#!/bin/sh
# Draws the pictures of README.md. Usage, from the build folder:
# sh doc/pictures.sh FOLDER. SPDX-License-Identifier: Apache-2.0
set -e
draw() { ./gattn mask --mask "$2" -n 144 --png "$folder/$1.png"; }
folder=${1-doc/pictures}
draw longformer 'longformer(8, 4)'
draw bigbird 'bigbird(8, 1, 1, 2, 7)'
draw dilated 'dilated(6, 8) & causal'
draw neighborhood 'neighborhood2d(12, 12, 5, 5)'
draw documents 'documents(0, 20, 75, 90) & causal | cols(0:3)'
