using System;
using System.IO;
using CitizenFX.Core;
#if NETCOREAPP
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
#endif

namespace FxServerHost
{
    /// <summary>
    /// A started resource. On Mono it has an AppDomain of its own with the resource's folder as its base, and
    /// stopping it unloads the domain, as FXServer does. .NET has no domains: there a collectible load context
    /// stands in for whatever the Enhanced server does.
    /// </summary>
    internal sealed class Resource
    {
        internal readonly ScriptRuntime Runtime;
#if NETCOREAPP
        private readonly AssemblyLoadContext _context;

        internal Resource(IScriptServer server, string name, string folder)
        {
            _context = new AssemblyLoadContext(name, true);
            Runtime = new ScriptRuntime();
            Runtime.Create(server, name);
            Runtime.AddScripts(_context.LoadFromStream(new MemoryStream(Assembly(folder))));
        }

        internal void Destroy()
        {
            _context.Unload();
        }
#else
        private readonly AppDomain _domain;

        internal Resource(IScriptServer server, string name, string folder)
        {
            _domain = AppDomain.CreateDomain("ScriptDomain_" + name, AppDomain.CurrentDomain.Evidence, new AppDomainSetup { ApplicationBase = folder });
            Runtime = (ScriptRuntime)_domain.CreateInstanceFromAndUnwrap(typeof(ScriptRuntime).Assembly.Location, typeof(ScriptRuntime).FullName);
            Runtime.Create(server, name);
            Runtime.LoadAssembly(Assembly(folder));
        }

        internal void Destroy()
        {
            AppDomain.Unload(_domain);
        }
#endif

        private static byte[] Assembly(string folder)
        {
            return File.ReadAllBytes(Path.Combine(folder, "bin", "Sonoran.Server.net.dll"));
        }
    }
}
