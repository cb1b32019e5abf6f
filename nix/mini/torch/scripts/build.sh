# SPDX-License-Identifier: MIT
[ "$failure" != oom ] || sed -i "s|^  FLAGS = |  FLAGS = -B$killer |" build/build.ninja
[ "$failure" != slow ] || sleep 600
[ "$failure" != disk-full ] || cp build/build.ninja /dev/full
ninja -C build -j "${MAX_JOBS:-1}"
