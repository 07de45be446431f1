package io.lattice.gateway.raft;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Properties;

/// Whether the file in which Ratis keeps term and vote says what Ratis says.
///
/// Ratis raises its term in memory before it replaces the file, and promises nothing before that is done. If the disk
/// refuses the file, Ratis only logs that, and may then wait for others for ever; if the disk hangs, so does all that
/// needs Ratis' lock. Neither shows anywhere but here. Not thread-safe.
final class TermFile {
    private static final String NAME = "raft-meta";

    private final Path file;
    private final Path scratch;
    private long storedTerm;

    TermFile(Path logFolder) {
        this.file = logFolder.resolve(NAME);
        this.scratch = logFolder.resolve(NAME + ".tmp");
    }

    /// Where a term stands.
    enum Status {
        STORED,
        /// The file that holds it is being written or synced.
        BEING_STORED,
        /// It isn't on disk, and nobody is about to put it there.
        NOT_STORED
    }

    /// Looks at the disk only while the term is another one than at the last look.
    Status status(long term) throws IOException {
        if (term == storedTerm) {
            return Status.STORED;
        }
        // Asked before the file is read: it disappears once the file has been replaced.
        boolean underWay = Files.exists(scratch);
        storedTerm = read();
        // The file may be newer than what Ratis answered a moment ago.
        if (term <= storedTerm) {
            return Status.STORED;
        }
        return underWay ? Status.BEING_STORED : Status.NOT_STORED;
    }

    private long read() throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            properties.load(reader);
        } catch (NoSuchFileException e) {
            // Ratis' term is 0 then, too.
            return 0;
        }
        return Long.parseLong(properties.getProperty("term", "0"));
    }
}
