using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using CitizenFX.Core;
#if NETCOREAPP
using System.Runtime.Loader;
#endif

namespace FxServerHost
{
    /// <summary>
    /// A started resource: the server scripts of its manifest, one runtime for each language. On Mono the C# runtime
    /// has an AppDomain with the resource's folder as its base, and stopping it unloads the domain, as FXServer does.
    /// .NET has no domains: there a collectible load context stands in for whatever the Enhanced server does.
    /// </summary>
    internal sealed class Resource
    {
        private readonly FxServer _server;
        private readonly string _name, _folder, _manifest;
        private readonly Dictionary<string, IScriptRuntime> _byLanguage = new Dictionary<string, IScriptRuntime>();

        internal readonly List<IScriptRuntime> Runtimes = new List<IScriptRuntime>();

        internal string State = "starting";

        internal Resource(FxServer server, string name, string folder)
        {
            _server = server;
            _name = name;
            _folder = folder;
            _manifest = Regex.Replace(File.ReadAllText(Path.Combine(folder, "fxmanifest.lua")), "--.*", "");
        }

        /// <summary>Runs the scripts in the manifest's order, those shared with the client first.</summary>
        internal void Run()
        {
            foreach (var script in Words("shared_scripts?").Concat(Words("server_scripts?")))
            {
                var path = Path.Combine(_folder, script);
                if (script.StartsWith("@", StringComparison.Ordinal))
                {
                    var slash = script.IndexOf('/');
                    path = Path.Combine(_server.GetResourcePath(script.Substring(1, slash - 1)), script.Substring(slash + 1));
                }
                Load(Path.GetExtension(script), path, "@" + _name + "/" + script);
            }
        }

        private IEnumerable<string> Words(string word)
        {
            foreach (Match list in Regex.Matches(_manifest, @"\b" + word + @"\s*(\{[^}]*\}|'[^']*')"))
                foreach (Match quoted in Regex.Matches(list.Groups[1].Value, "'([^']*)'")) yield return quoted.Groups[1].Value;
        }

        private void Load(string extension, string path, string shown)
        {
            IScriptRuntime runtime;
            _byLanguage.TryGetValue(extension, out runtime);
            if (extension == ".dll")
            {
                if (runtime == null) runtime = Add(extension, CreateDomain());
                LoadAssembly((ScriptRuntime)runtime, File.ReadAllBytes(path));
                return;
            }
            if (runtime == null) runtime = Add(extension, ChildRuntime.Create(extension, _server, _name, _server.NewInstance()));
            ((ChildRuntime)runtime).Load(path, shown);
        }

        private IScriptRuntime Add(string extension, IScriptRuntime runtime)
        {
            _byLanguage[extension] = runtime;
            Runtimes.Add(runtime);
            return runtime;
        }

        internal void Tick()
        {
            foreach (var runtime in Runtimes.ToArray()) runtime.Tick();
        }

        /// <summary>Whether the manifest's version is below bodacious.</summary>
        private bool OwnScheduler
        {
            get { return Regex.IsMatch(_manifest, "fx_version '(adamant)'"); }
        }

#if NETCOREAPP
        private AssemblyLoadContext _context;

        private ScriptRuntime CreateDomain()
        {
            _context = new AssemblyLoadContext(_name, true);
            var runtime = new ScriptRuntime();
            runtime.Create(_server, _name, _server.NewInstance(), false);
            return runtime;
        }

        private void LoadAssembly(ScriptRuntime runtime, byte[] assembly)
        {
            runtime.AddScripts(_context.LoadFromStream(new MemoryStream(assembly)));
        }

        internal void Destroy()
        {
            foreach (var runtime in Runtimes.OfType<ChildRuntime>()) runtime.Destroy();
            Runtimes.Clear();
            _context?.Unload();
        }
#else
        private AppDomain _domain;

        private ScriptRuntime CreateDomain()
        {
            _domain = AppDomain.CreateDomain("ScriptDomain_" + _name, AppDomain.CurrentDomain.Evidence, new AppDomainSetup { ApplicationBase = _folder });
            var runtime = (ScriptRuntime)_domain.CreateInstanceFromAndUnwrap(typeof(ScriptRuntime).Assembly.Location, typeof(ScriptRuntime).FullName);
            runtime.Create(_server, _name, _server.NewInstance(), OwnScheduler);
            return runtime;
        }

        private static void LoadAssembly(ScriptRuntime runtime, byte[] assembly)
        {
            runtime.LoadAssembly(assembly);
        }

        internal void Destroy()
        {
            foreach (var runtime in Runtimes.OfType<ChildRuntime>()) runtime.Destroy();
            Runtimes.Clear();
            if (_domain != null) AppDomain.Unload(_domain);
        }
#endif
    }
}
