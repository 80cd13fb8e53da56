// On .NET these tests run on xunit, whose runner does not run on FXServer's Mono. There they run on NUnit 2.6; this
// file maps xunit's names to NUnit's.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;
using Unit = NUnit.Framework;

namespace Xunit
{
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class FactAttribute : Unit.TestAttribute { }

    /// <summary>NUnit needs only the rows.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class TheoryAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
    public sealed class InlineDataAttribute : Unit.TestCaseAttribute
    {
        public InlineDataAttribute(params object[] data) : base(data ?? new object[] { null }) { }
    }

    [AttributeUsage(AttributeTargets.Assembly)]
    public sealed class CollectionBehaviorAttribute : Attribute
    {
        public bool DisableTestParallelization { get; set; }
    }

    public static class Assert
    {
        public static void Equal(object expected, object actual) { Unit.Assert.AreEqual(expected, actual); }
        public static void NotEqual(object expected, object actual) { Unit.Assert.AreNotEqual(expected, actual); }
        public static void True(bool condition, string message = null) { Unit.Assert.IsTrue(condition, message); }
        public static void False(bool condition, string message = null) { Unit.Assert.IsFalse(condition, message); }
        public static void Null(object value) { Unit.Assert.IsNull(value); }
        public static void NotNull(object value) { Unit.Assert.IsNotNull(value); }
        public static void Contains(string part, string text) { Unit.StringAssert.Contains(part, text); }
        public static void DoesNotContain(string part, string text) { Unit.StringAssert.DoesNotContain(part, text); }
        public static void StartsWith(string start, string text) { Unit.StringAssert.StartsWith(start, text); }
        public static void Contains<T>(T item, IEnumerable<T> items) { Unit.CollectionAssert.Contains(items, item); }
        public static T Throws<T>(Action action) where T : Exception { return Unit.Assert.Throws<T>(() => action()); }

        public static async Task<T> ThrowsAnyAsync<T>(Func<Task> action) where T : Exception
        {
            try { await action(); }
            catch (T expected) { return expected; }
            throw new Unit.AssertionException("expected " + typeof(T).Name + ", nothing was thrown");
        }
    }

    public static class Runner
    {
        /// <summary>
        /// Runs this program's tests. <paramref name="parts"/>: parts of names to run, none for all; or, after a minus, not
        /// to run.
        /// </summary>
        public static int Main(string[] parts)
        {
            var not = parts.Where(part => part.StartsWith("-", StringComparison.Ordinal)).Select(part => part.Substring(1)).ToArray();
            var only = parts.Where(part => !part.StartsWith("-", StringComparison.Ordinal)).ToArray();
            var program = typeof(Runner).Assembly;
            var names = program.GetExportedTypes().SelectMany(type => type.GetMethods()
                    .Where(method => method.IsDefined(typeof(FactAttribute)) || method.IsDefined(typeof(TheoryAttribute)))
                    .Select(method => type.FullName + "." + method.Name))
                .Where(name => (only.Length == 0 || only.Any(name.Contains)) && !not.Any(name.Contains)).ToArray();
            if (names.Length == 0)
            {
                Console.Error.WriteLine("no test has a name with " + string.Join(" or ", parts));
                return 1;
            }
            // The labels name a test that does not end.
            var arguments = new List<string> { program.Location, "-nologo", "-noresult", "-nodots", "-labels", "-domain=None" };
            if (parts.Length > 0) arguments.Add("-run=" + string.Join(",", names));
            return NUnit.ConsoleRunner.Runner.Main(arguments.ToArray());
        }
    }
}
