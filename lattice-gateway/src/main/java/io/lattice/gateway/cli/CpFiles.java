package io.lattice.gateway.cli;

import io.lattice.cp.document.ManifestFiles;
import io.lattice.cp.document.Problem;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/// Reads manifest files, and tells what is wrong with them.
final class CpFiles {
    private CpFiles() {}

    /// All files as one.
    ///
    /// @throws IOException if one of them can't be read; the message says which and why
    static ManifestFiles read(List<Path> files) throws IOException {
        ManifestFiles manifest = new ManifestFiles();
        for (Path file : files) {
            try {
                manifest.add(file.toString(), Files.readString(file));
            } catch (NoSuchFileException e) {
                throw new IOException(file + ": no such file", e);
            } catch (CharacterCodingException e) {
                throw new IOException(file + ": not in UTF-8", e);
            } catch (IOException e) {
                throw new IOException(file + ": can't be read: " + e.getMessage(), e);
            }
        }
        return manifest;
    }

    /// Prints problems, and returns the exit code.
    static int report(List<Problem> problems, PrintWriter err) {
        problems.forEach(err::println);
        err.printf("lattice: %d problem(s)%n", problems.size());
        return Main.MISUSED;
    }
}
