package io.lattice.cp.agent;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;

/// Time that a later process can compare with: how long this machine has been up, in this boot of it. It runs on while the
/// machine is suspended, and nobody can set it.
interface UptimeClock {
    /// An instant.
    ///
    /// @param bootId differs from boot to boot and machine to machine
    /// @param uptimeMs since the boot
    /// @param wallMs since 1970 by the clock that can be set
    record Instant(String bootId, long uptimeMs, long wallMs) {}

    /// Now.
    ///
    /// @throws IOException if the machine doesn't tell
    Instant now() throws IOException;

    /// The kernel's.
    static UptimeClock ofKernel() {
        return () -> {
            String bootId = Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
            String uptime = Files.readString(Path.of("/proc/uptime"));
            try {
                return new Instant(
                        bootId,
                        new BigDecimal(uptime.substring(0, uptime.indexOf(' ')))
                                .movePointRight(3)
                                .longValue(),
                        System.currentTimeMillis());
            } catch (NumberFormatException | IndexOutOfBoundsException e) {
                throw new IOException("/proc/uptime can't be understood: " + uptime, e);
            }
        };
    }
}
