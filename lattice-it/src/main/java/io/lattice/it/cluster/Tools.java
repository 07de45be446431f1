package io.lattice.it.cluster;

import com.google.common.base.Splitter;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Finds the programs that tests run: the pinned etcd tools, Lattice itself, the JVM.
public final class Tools {
    private Tools() {}

    /// The root of the checkout: the nearest folder upwards that holds `scripts/mvn`, or the system
    /// property `lattice.root`.
    public static Path root() {
        String given = System.getProperty("lattice.root");
        if (given != null) {
            return Path.of(given);
        }
        for (Path dir = Path.of("").toAbsolutePath(); dir != null; dir = dir.getParent()) {
            if (Files.isRegularFile(dir.resolve("scripts/mvn"))) {
                return dir;
            }
        }
        throw new IllegalStateException(
                "not inside a checkout of Lattice (no scripts/mvn upwards of "
                        + Path.of("").toAbsolutePath()
                        + "): set -Dlattice.root");
    }

    /// The pinned tool `name` (`etcd`, `etcdctl`): from the folder in the system property
    /// `lattice.tools` or the environment variable LATTICE_TOOLS, else from `.tools` of the checkout.
    public static Path pinned(String name) {
        List<Path> folders = new ArrayList<>();
        addFolder(folders, System.getProperty("lattice.tools"));
        addFolder(folders, System.getenv("LATTICE_TOOLS"));
        folders.add(root().resolve(".tools"));
        for (Path folder : folders) {
            Path tool = folder.resolve(name);
            if (Files.isExecutable(tool)) {
                return tool;
            }
        }
        throw new IllegalStateException(
                name + " is in none of " + folders + ": run scripts/tools/build first");
    }

    private static void addFolder(List<Path> folders, @Nullable String folder) {
        if (folder != null && !folder.isBlank()) {
            folders.add(Path.of(folder));
        }
    }

    /// The command line that Lattice's command line starts with: `bin/lattice` of the distribution in the
    /// system property `lattice.dist` or in `dist/lattice`, else this JVM with this class path.
    public static List<String> lattice() {
        String dist = System.getProperty("lattice.dist", root().resolve("dist/lattice").toString());
        Path launcher = Path.of(dist, "bin", "lattice");
        if (Files.isExecutable(launcher)) {
            return List.of(launcher.toString());
        }
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:+UseCompactObjectHeaders",
                "-XX:+ExitOnOutOfMemoryError",
                "-XX:TieredStopAtLevel=1",
                "-Xmx512m",
                "-cp",
                absoluteClassPath(),
                "io.lattice.gateway.cli.Main");
    }

    private static String absoluteClassPath() {
        List<String> entries = new ArrayList<>();
        for (String entry :
                Splitter.on(File.pathSeparatorChar)
                        .split(System.getProperty("java.class.path", ""))) {
            entries.add(Path.of(entry).toAbsolutePath().toString());
        }
        return String.join(File.pathSeparator, entries);
    }
}
