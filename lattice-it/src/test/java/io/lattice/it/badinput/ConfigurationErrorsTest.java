package io.lattice.it.badinput;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.Ports;
import io.lattice.it.cluster.Tools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `lattice start` with a configuration that is wrong: exit code 2, the key and what is allowed are named,
/// no directory is touched.
class ConfigurationErrorsTest {
    @TempDir private Path directory;

    private String configuration(String grpc, String durability, String more) {
        return """
        [cluster]
        name = "it"
        node_id = "n1"

        [listeners.grpc]
        bind = "127.0.0.1:%d"
        %s

        [durability]
        %s

        [paths]
        data_dir = "%s"
        wal_dir = "%s"

        %s
        """
                .formatted(
                        Ports.free(),
                        grpc,
                        durability,
                        directory.resolve("data"),
                        directory.resolve("wal"),
                        more);
    }

    private String refusal(String configuration) throws IOException {
        Path file = directory.resolve("lattice.toml");
        Files.writeString(file, configuration);
        List<String> command = new ArrayList<>(Tools.lattice());
        command.addAll(List.of("start", "--config", file.toString()));

        Command.Result result = Command.run(Duration.ofSeconds(30), command);

        assertThat(result.exit()).as(result.out() + result.err()).isEqualTo(2);
        assertThat(directory.resolve("data")).doesNotExist();
        assertThat(directory.resolve("wal")).doesNotExist();
        return result.out() + result.err();
    }

    @Test
    void anUnknownKeyIsNamedWithItsLine() throws IOException {
        String error = refusal(configuration("insecure = true\nbnid = \"127.0.0.1:1\"", "", ""));

        assertThat(error).contains("lattice.toml:8: ").contains("bnid");
    }

    @Test
    void aWrongTypeAndAValueOutOfRangeAreBothReportedWithWhatIsAllowed() throws IOException {
        String error =
                refusal(
                        configuration(
                                "insecure = true\nmax_connections = \"many\"",
                                "mode = \"maybe\"",
                                ""));

        assertThat(error).contains("max_connections").contains("many");
        assertThat(error).contains("durability.mode").contains("maybe");
        assertThat(error).contains("sync").contains("quorum").contains("async");
    }

    @Test
    void aQuorumThatIsNotTheMajorityIsAContradiction() throws IOException {
        String error = refusal(configuration("insecure = true", "quorum_size = 2", ""));

        assertThat(error).contains("quorum_size").contains("majority");
    }

    @Test
    void aListenerWithNeitherCertificatesNorInsecureIsRefused() throws IOException {
        String error = refusal(configuration("", "", ""));

        assertThat(error).contains("listeners.grpc").contains("insecure");
    }

    @Test
    void aFileThatIsNotThereIsNamed() {
        List<String> command = new ArrayList<>(Tools.lattice());
        command.addAll(List.of("start", "--config", directory.resolve("nowhere.toml").toString()));

        Command.Result result = Command.run(Duration.ofSeconds(30), command);

        assertThat(result.exit()).isEqualTo(2);
        assertThat(result.out() + result.err()).contains("nowhere.toml");
    }
}
