package io.lattice.it.cluster;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

/// Compiles the C libraries that are loaded into servers before the C library.
final class Preloaded {
    private static final Duration COMPILE_LIMIT = Duration.ofSeconds(60);

    private Preloaded() {}

    /// Compiles `name`.c of this package into `folder`, and returns the library's absolute path.
    ///
    /// @throws IllegalStateException if that doesn't work, with what gcc said
    static Path compile(String name, Path folder) {
        String file = name + ".c";
        Path source = folder.resolve(file).toAbsolutePath();
        Path library = folder.resolve(name + ".so").toAbsolutePath();
        try (InputStream text = Preloaded.class.getResourceAsStream(file)) {
            Files.createDirectories(folder);
            Files.copy(
                    Objects.requireNonNull(text, file),
                    source,
                    StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Command.run(
                        COMPILE_LIMIT,
                        List.of(
                                "gcc",
                                "-shared",
                                "-fPIC",
                                "-O1",
                                "-o",
                                library.toString(),
                                source.toString(),
                                "-ldl"))
                .orThrow();
        return library;
    }
}
