package io.lattice.cp.document;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Documents for tests.
final class Documents {
    static final String G1 =
            """
            {"replicas": [
              {"nodeId": "n1", "raftAddress": "h1:2380", "clientUrls": ["https://h1:2379"]},
              {"nodeId": "n2", "raftAddress": "h2:2380"},
              {"nodeId": "n3", "raftAddress": "h3:2380", "role": "LISTENER"}]}
            """;
    static final String ACME =
            """
            {"routingEpoch": 3, "group": "g1",
             "identities": {"certificates": ["acme-client"], "serverNames": ["acme.test"]},
             "quotas": {"requestsPerSecond": 100, "bytesPerSecond": "1048576", "storedBytes": 0,
                        "spaceRecovery": "AUTOMATIC"},
             "leaseTtl": {"minSeconds": 5, "defaultSeconds": 30, "maxSeconds": 3600},
             "watchIdleTimeoutMs": 60000}
            """;

    private Documents() {}

    /// Values by keys without the prefix.
    static Map<String, ByteString> values(String... keysAndJson) {
        Map<String, ByteString> values = new TreeMap<>();
        for (int i = 0; i < keysAndJson.length; i += 2) {
            values.put(
                    ManifestDocuments.PREFIX + keysAndJson[i],
                    ByteString.copyFromUtf8(keysAndJson[i + 1]));
        }
        return values;
    }

    static ManifestDocuments good(String... keysAndJson) {
        return good(ManifestDocuments.parse(values(keysAndJson)));
    }

    static ManifestDocuments good(ManifestDocuments.Outcome outcome) {
        assertThat(outcome).isInstanceOf(ManifestDocuments.Outcome.Good.class);
        return ((ManifestDocuments.Outcome.Good) outcome).documents();
    }

    /// What is wrong, as people read it.
    static List<String> problems(String... keysAndJson) {
        return problems(ManifestDocuments.parse(values(keysAndJson)));
    }

    static List<String> problems(ManifestDocuments.Outcome outcome) {
        assertThat(outcome).isInstanceOf(ManifestDocuments.Outcome.Refused.class);
        return ((ManifestDocuments.Outcome.Refused) outcome)
                .problems().stream().map(Problem::toString).toList();
    }
}
