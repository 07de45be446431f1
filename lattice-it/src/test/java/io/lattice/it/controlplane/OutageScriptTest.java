package io.lattice.it.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.Tools;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `scripts/try-control-plane`, which plays outages of a control plane as an operator sees them, with Lattice as control plane.
class OutageScriptTest {
    private static final Duration LIMIT = Duration.ofMinutes(5);

    /// Longer than by hand: here JVMs start without a distribution's class cache.
    private static final int MANIFEST_TTL_SECONDS = 6;

    @TempDir Path directory;

    @Test
    void eachStateServesAndRefusesWhatTheDocumentationSays() throws Exception {
        Path launcher = directory.resolve("lattice");
        Files.writeString(
                launcher,
                "#!/bin/sh\nexec %s \"$@\"\n"
                        .formatted(
                                Tools.lattice().stream()
                                        .map(word -> "'" + word + "'")
                                        .collect(Collectors.joining(" "))));
        Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwxr-xr-x"));

        Command.Result result =
                Command.run(
                        LIMIT,
                        List.of(
                                "env",
                                "LATTICE=" + launcher,
                                Tools.root().resolve("scripts/try-control-plane").toString(),
                                "--cp",
                                "lattice",
                                "--ttl",
                                Integer.toString(MANIFEST_TTL_SECONDS),
                                "--dir",
                                directory.resolve("nodes").toString()));

        System.out.println(result.out());
        assertThat(result.exit()).as(result.out() + result.err()).isZero();
        for (String state : List.of("Fresh", "Cached", "Stale", "Expired")) {
            assertThat(result.out()).contains(state);
        }
    }
}
