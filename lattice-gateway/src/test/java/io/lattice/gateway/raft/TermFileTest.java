package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TermFileTest {
    @TempDir Path folder;

    private TermFile file() {
        return new TermFile(folder);
    }

    private void store(long term) throws IOException {
        Files.writeString(
                folder.resolve("raft-meta"), "#a comment\nterm=" + term + "\nvotedFor=n2\n");
    }

    @Test
    void withoutAFileTheTermIsZero() throws IOException {
        assertThat(file().status(0)).isEqualTo(TermFile.Status.STORED);
        assertThat(file().status(1)).isEqualTo(TermFile.Status.NOT_STORED);
    }

    @Test
    void aTermIsStoredOnceTheFileHasItOrALaterOne() throws IOException {
        TermFile file = file();
        store(3);
        assertThat(file.status(3)).isEqualTo(TermFile.Status.STORED);
        assertThat(file.status(4)).isEqualTo(TermFile.Status.NOT_STORED);

        store(5);

        assertThat(file.status(4)).isEqualTo(TermFile.Status.STORED);
        assertThat(file.status(5)).isEqualTo(TermFile.Status.STORED);
    }

    @Test
    void aFileThatIsBeingWrittenIsSeen() throws IOException {
        TermFile file = file();
        store(3);
        Files.createFile(folder.resolve("raft-meta.tmp"));

        assertThat(file.status(3)).isEqualTo(TermFile.Status.STORED);
        assertThat(file.status(4)).isEqualTo(TermFile.Status.BEING_STORED);
    }
}
