package io.lattice.architecture;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.time.Clock;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.NullMarked;

@AnalyzeClasses(
        packages = "io.lattice",
        importOptions = {ImportOption.DoNotIncludeTests.class})
class ArchitectureTest {
    private static final String PROTO = "io.lattice.proto..";
    private static final String STATE_MACHINE = "io.lattice.statemachine..";
    private static final String CONTROL_PLANE = "io.lattice.cp..";
    private static final String GATEWAY = "io.lattice.gateway..";

    /// Where everything must come out the same on every replica.
    private static final String[] DETERMINISTIC = {
        "io.lattice.statemachine.apply..",
        "io.lattice.statemachine.lease..",
        "io.lattice.statemachine.mvcc..",
        "io.lattice.statemachine.query.."
    };

    private static final Set<String> CLOCK_AND_ENVIRONMENT =
            Set.of("currentTimeMillis", "nanoTime", "getenv", "getProperty", "getProperties");

    @ArchTest
    static final ArchRule THE_STATE_MACHINE_STANDS_ALONE =
            noClasses()
                    .that()
                    .resideInAPackage(STATE_MACHINE)
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(CONTROL_PLANE, GATEWAY);

    @ArchTest
    static final ArchRule THE_CONTROL_PLANE_DOES_NOT_KNOW_THE_GATEWAY =
            noClasses()
                    .that()
                    .resideInAPackage(CONTROL_PLANE)
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(GATEWAY, STATE_MACHINE)
                    .allowEmptyShould(true);

    @ArchTest
    static final ArchRule MESSAGES_DEPEND_ON_NOTHING_OF_OURS =
            noClasses()
                    .that()
                    .resideInAPackage(PROTO)
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(STATE_MACHINE, CONTROL_PLANE, GATEWAY);

    @ArchTest
    static final ArchRule ROCKSDB_IS_SEEN_IN_STORAGE_ONLY =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.lattice.statemachine.storage..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("org.rocksdb..");

    @ArchTest
    static final ArchRule RATIS_IS_SEEN_IN_THE_RAFT_PACKAGES_ONLY =
            noClasses()
                    .that(
                            resideOutsideOfPackages(
                                    "io.lattice.statemachine.raft..", "io.lattice.gateway.raft.."))
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("org.apache.ratis..");

    @ArchTest
    static final ArchRule APPLYING_KNOWS_NO_CLOCK_AND_NO_ENVIRONMENT =
            noClasses()
                    .that()
                    .resideInAnyPackage(DETERMINISTIC)
                    .should()
                    .accessTargetWhere(
                            describe(
                                    "reads the clock or the environment",
                                    access ->
                                            isClockOrEnvironment(
                                                    access.getTargetOwner(),
                                                    access.getTarget().getName())));

    @ArchTest
    static final ArchRule APPLYING_KNOWS_NO_RANDOMNESS_NO_CLOCK_TYPES_AND_NO_CONFIGURATION =
            noClasses()
                    .that()
                    .resideInAnyPackage(DETERMINISTIC)
                    .should()
                    .dependOnClassesThat(
                            JavaClass.Predicates.assignableTo(Random.class)
                                    .or(JavaClass.Predicates.assignableTo(RandomGenerator.class))
                                    .or(JavaClass.Predicates.type(ThreadLocalRandom.class))
                                    .or(JavaClass.Predicates.type(UUID.class))
                                    .or(JavaClass.Predicates.assignableTo(InstantSource.class))
                                    .or(JavaClass.Predicates.assignableTo(Clock.class))
                                    .or(JavaClass.Predicates.type(Instant.class))
                                    .or(resideInAnyPackage("io.lattice.gateway.config..")));

    @ArchTest
    static final ArchRule PACKAGES_OF_THE_STATE_MACHINE_FORM_NO_CYCLE =
            slices().matching("io.lattice.statemachine.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule PACKAGES_OF_THE_GATEWAY_FORM_NO_CYCLE =
            slices().matching("io.lattice.gateway.(**)").should().beFreeOfCycles();

    private static boolean isClockOrEnvironment(JavaClass owner, String member) {
        return owner.isEquivalentTo(System.class) && CLOCK_AND_ENVIRONMENT.contains(member)
                || owner.isEquivalentTo(Math.class) && member.equals("random");
    }

    @ArchTest
    static void everyPackageIsNullMarkedAndDescribed(JavaClasses classes) {
        Set<String> unmarked = new TreeSet<>();
        for (JavaClass type : classes.that(hasCodeOfOurOwn())) {
            JavaPackage location = type.getPackage();
            if (!location.isAnnotatedWith(NullMarked.class)) {
                unmarked.add(location.getName());
            }
        }

        assertThat(unmarked).as("packages without @NullMarked in a package-info").isEmpty();
    }

    @ArchTest
    static void theRulesSeeEveryModule(JavaClasses classes) {
        for (String module :
                List.of(
                        "io.lattice.proto.command",
                        "io.lattice.statemachine.storage",
                        "io.lattice.statemachine.raft",
                        "io.lattice.gateway.raft",
                        "io.lattice.gateway.config")) {
            assertThat(classes.containPackage(module)).as(module).isTrue();
        }
    }

    private static DescribedPredicate<JavaClass> hasCodeOfOurOwn() {
        return resideOutsideOfPackages(PROTO)
                .and(
                        describe(
                                "isn't synthetic",
                                type -> !type.getModifiers().toString().contains("SYNTHETIC")));
    }
}
