package io.lattice.it.etcdctl;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.Clusters;
import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.Etcdctl;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import java.util.List;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What a person types: the same commands to each member of a three-node Lattice with mutual TLS and to
/// a real etcd, whose output has to be the same to the letter. The one etcd gets every command that any
/// of the members gets, so that both stores go through the same revisions.
class EtcdctlTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    /// What names the server differs: cluster, member and term.
    private static final Pattern IDENTITY =
            Pattern.compile(
                    "(\"(?:cluster_id|member_id|raft_term|ClusterID|MemberID|RaftTerm)\" ?: ?)\\d+");

    private static final Pattern REVISION = Pattern.compile("\"revision\":(\\d+)");
    private static final Pattern HASH = Pattern.compile("\"hash\":(\\d+)");

    private static TestCluster lattice;
    private static Etcdctl etcd;

    @BeforeAll
    static void startServers() {
        lattice = CLUSTERS.secure("lattice", new LatticeKind(), 3);
        etcd = Etcdctl.of(CLUSTERS.secure("etcd", new EtcdKind(false), 1), 0);
    }

    private static String run(int member, String... arguments) {
        return runWith(member, null, arguments);
    }

    /// Runs the command on both and compares.
    ///
    /// @return what it printed
    private static String runWith(int member, @Nullable String input, String... arguments) {
        List<String> command = List.of(arguments);
        Command.Result expected = etcd.runWith(input, command);
        Command.Result actual = Etcdctl.of(lattice, member).runWith(input, command);

        assertThat(anonymous(actual.out()))
                .as("output of %s", command)
                .isEqualTo(anonymous(expected.out()));
        assertThat(lastMessage(actual.err()))
                .as("error of %s", command)
                .isEqualTo(lastMessage(expected.err()));
        assertThat(actual.exit()).as("exit code of %s", command).isEqualTo(expected.exit());
        return expected.out();
    }

    private static String anonymous(String output) {
        return IDENTITY.matcher(output).replaceAll("$10");
    }

    /// Of log lines only the error itself: their time, target and stack differ.
    private static String lastMessage(String output) {
        return output.lines()
                .filter(line -> !line.startsWith("{"))
                .reduce("", (before, line) -> before + line + "\n");
    }

    private static long revision(int member) {
        String out = run(member, "get", "nothing", "--write-out=json");
        return REVISION.matcher(out)
                .results()
                .map(found -> Long.parseLong(found.group(1)))
                .findFirst()
                .orElseThrow();
    }

    private static void fill(int member) {
        String[] keys = {"c", "a", "b", "a/2", "a/1", "a/10", "b/1"};
        for (String key : keys) {
            run(member, "put", key, "value of " + key);
        }
        run(member, "put", "b", "another");
        run(member, "put", "a", "third");
        run(member, "put", "a", "fourth");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void putAnswersLikeEtcd(int member) {
        run(member, "put", "k", "v", "--write-out=json");
        run(member, "put", "k", "w", "--prev-kv");
        run(member, "put", "k", "w", "--prev-kv", "--write-out=json");
        run(member, "put", "k", "--ignore-value", "--write-out=fields");
        run(member, "put", "k", "x", "--ignore-lease");
        run(member, "put", "missing" + member, "--ignore-value");
        run(member, "put", "", "empty");
        run(member, "put", "k", "v", "--lease=1234");
        runWith(member, "from standard input", "put", "k");
        run(member, "get", "k", "--write-out=json");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void getWithEveryFlagAnswersLikeEtcd(int member) {
        fill(member);
        long now = revision(member);

        Stream.of(
                        "a",
                        "a c",
                        "a --prefix",
                        "\"\" --prefix",
                        "b --from-key",
                        "a c --limit=2",
                        "a --prefix --limit=1 --write-out=json",
                        "a --prefix --keys-only",
                        "a --prefix --count-only --write-out=fields",
                        "a --prefix --count-only",
                        "a --print-value-only",
                        "a --prefix --print-value-only",
                        "a --hex",
                        "a --prefix --hex",
                        "a --consistency=l",
                        "a --consistency=s",
                        "a --consistency=x",
                        "a --write-out=json",
                        "a --write-out=fields",
                        "a --write-out=simple",
                        "missing",
                        "missing --write-out=json",
                        "a --rev=" + (now - 1),
                        "a --rev=" + (now - 2) + " --write-out=json",
                        "a --prefix --rev=" + (now - 4),
                        "a --rev=" + (now + 100),
                        "a c --order=ASCEND --sort-by=KEY",
                        "a c --order=DESCEND --sort-by=KEY",
                        "a c --order=ASCEND --sort-by=CREATE",
                        "a c --order=DESCEND --sort-by=CREATE",
                        "a c --order=ASCEND --sort-by=MODIFY",
                        "a c --order=DESCEND --sort-by=MODIFY --limit=3",
                        "a c --order=ASCEND --sort-by=VALUE",
                        "a c --order=DESCEND --sort-by=VALUE",
                        "a b --order=DESCEND --sort-by=VERSION --limit=1",
                        "a c --order=SIDEWAYS",
                        "a --from-key --prefix")
                .map(line -> ("get " + line).split(" "))
                .forEach(command -> run(member, unquoted(command)));
    }

    private static String[] unquoted(String[] command) {
        return Stream.of(command)
                .map(word -> word.equals("\"\"") ? "" : word)
                .toArray(String[]::new);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void delAnswersLikeEtcd(int member) {
        fill(member);

        run(member, "del", "missing");
        run(member, "del", "a", "--prev-kv");
        run(member, "del", "b", "c", "--write-out=json");
        run(member, "del", "a", "--prefix", "--prev-kv", "--write-out=fields");
        run(member, "get", "", "--prefix");
        run(member, "del", "b", "--from-key");
        run(member, "get", "", "--prefix", "--write-out=json");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void txnAnswersLikeEtcd(int member) {
        fill(member);

        runWith(member, "value(\"a\") = \"fourth\"\n\nput t 1\nget a\n\nput t 2\n\n", "txn");
        runWith(
                member,
                "mod(\"a\") < \"1\"\nversion(\"b\") > \"0\"\n\nput t 1\n\nget t\ndel a\nget a\n\n",
                "txn",
                "--write-out=json");
        runWith(member, "create(\"new\") = \"0\"\n\nput new 1\n\nget new\n\n", "txn");
        runWith(member, "\nput twice 1\nput twice 2\n\n\n", "txn");
        runWith(
                member,
                "version(\"a\") = \"3\"\n\nget a --prefix\n\n\n",
                "txn",
                "--write-out=fields");
        run(member, "get", "", "--prefix", "--write-out=json");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void compactionAnswersLikeEtcd(int member) {
        fill(member);
        long now = revision(member);

        run(member, "compaction", Long.toString(now - 3));
        run(member, "compaction", Long.toString(now - 3));
        run(member, "compaction", Long.toString(now + 10));
        run(member, "compaction", "nonsense");
        run(member, "get", "a", "--rev=" + (now - 4));
        run(member, "get", "a", "--rev=" + (now - 3));
        run(member, "compaction", "--physical", Long.toString(now));
        run(member, "get", "a", "--rev=" + (now - 1));
        run(member, "get", "", "--prefix", "--write-out=json");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void watchPrintsLikeEtcd(int member) {
        fill(member);
        run(member, "del", "a", "--prefix");
        long now = revision(member);

        watch(member, 3, "a", "--rev=" + (now - 1));
        watch(member, 9, "a", "--prefix", "--rev=" + (now - 3));
        watch(member, 12, "a", "--prefix", "--rev=" + (now - 3), "--prev-kv");
        watch(member, 30, "", "--prefix", "--rev=" + (now - 10), "--prev-kv");
        watch(member, 1, "a", "c", "--rev=" + (now - 5), "--write-out=json");

        run(member, "compaction", Long.toString(now));
        run(member, "watch", "a", "--rev=" + (now - 1));
    }

    /// Watches on both until each has printed so many lines, and compares those.
    private static void watch(int member, int lines, String... arguments) {
        List<String> command = Stream.concat(Stream.of("watch"), Stream.of(arguments)).toList();
        List<String> expected = etcd.linesOf(command, lines);
        List<String> actual = Etcdctl.of(lattice, member).linesOf(command, lines);

        assertThat(anonymous(String.join("\n", actual)))
                .as("output of %s", command)
                .isEqualTo(anonymous(String.join("\n", expected)));
    }

    @Test
    void endpointHealthIsTrueForEveryMember() {
        Command.Result health = Etcdctl.of(lattice, 1).run("endpoint", "health", "--cluster");

        assertThat(health.exit()).as(health.err()).isZero();
        for (int i = 0; i < lattice.size(); i++) {
            assertThat(health.out() + health.err())
                    .contains(
                            lattice.clientUrl(i) + " is healthy: successfully committed proposal");
        }
    }

    @Test
    void endpointStatusShowsOneLeaderAndAVersionThatClientsParse() {
        run(0, "put", "status", "1");

        Command.Result status =
                Etcdctl.of(lattice, 2).run("endpoint", "status", "--cluster", "--write-out=json");

        assertThat(status.exit()).as(status.err()).isZero();
        List<String> leaders = all(status.out(), "\"leader\":(\\d+)");
        List<String> members = all(status.out(), "\"member_id\":(\\d+)");
        assertThat(members).hasSize(3).doesNotHaveDuplicates();
        assertThat(leaders).hasSize(3);
        assertThat(leaders.stream().distinct()).hasSize(1);
        assertThat(members).contains(leaders.get(0));
        assertThat(all(status.out(), "\"version\":\"(3\\.\\d+\\.\\d+)\"")).hasSize(3);
        assertThat(all(status.out(), "\"cluster_id\":(\\d+)").stream().distinct()).hasSize(1);
        assertThat(all(status.out(), "\"Endpoint\":\"([^\"]+)\"")).hasSize(3);
    }

    @Test
    void endpointHashkvIsThatOfEtcdOnEveryMember() {
        run(0, "put", "hash", "1");
        String expected =
                all(etcd.run("endpoint", "hashkv", "--write-out=json").out(), HASH).get(0);

        Command.Result hashes =
                Etcdctl.of(lattice, 0).run("endpoint", "hashkv", "--cluster", "--write-out=json");

        assertThat(hashes.exit()).as(hashes.err()).isZero();
        assertThat(all(hashes.out(), HASH)).containsExactly(expected, expected, expected);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void memberListNamesAllMembersWithTheirClientUrls(int member) {
        Command.Result list = Etcdctl.of(lattice, member).run("member", "list", "--write-out=json");

        assertThat(list.exit()).as(list.err()).isZero();
        assertThat(all(list.out(), "\"name\":\"(n\\d)\""))
                .containsExactlyInAnyOrder("n1", "n2", "n3");
        for (int i = 0; i < lattice.size(); i++) {
            assertThat(list.out()).contains("\"" + lattice.clientUrl(i) + "\"");
        }
        assertThat(all(list.out(), "\"ID\":(\\d+)")).hasSize(3).doesNotHaveDuplicates();
    }

    @Test
    void aClientWithoutACertificateIsTurnedAway() {
        String ca = "--cacert=" + Objects.requireNonNull(lattice.tls()).ca();

        Command.Result result =
                new Etcdctl(lattice.clientUrl(0), null).run(ca, "--command-timeout=3s", "get", "a");

        assertThat(result.exit()).isNotZero();
        assertThat(result.out()).isEmpty();
    }

    private static List<String> all(String text, String pattern) {
        return all(text, Pattern.compile(pattern));
    }

    private static List<String> all(String text, Pattern pattern) {
        return pattern.matcher(text).results().map((MatchResult found) -> found.group(1)).toList();
    }
}
